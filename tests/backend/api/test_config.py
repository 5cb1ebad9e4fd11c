import argparse
from pathlib import Path

import pytest

from endcap.errors import BadConfig
from endcap_backend.config import Settings
from endcap_backend.secretfile import derived_key, load_secret
from endcap_backend.settings import add_switches, read_settings, settings_of


def settings(*switches, **environ):
    parser = argparse.ArgumentParser()
    add_switches(parser, Settings)
    return read_settings(Settings, parser.parse_args(switches), environ)


def test_nothing_has_to_be_set():
    assert settings() == Settings()


def test_a_switch_stands_above_the_environment_and_that_above_the_default():
    assert settings().port == 8700
    assert settings(ENDCAP_PORT="1").port == 1
    assert settings("--port", "2", ENDCAP_PORT="1").port == 2


def test_every_setting_can_be_set_both_ways(tmp_path):
    examples = {
        "data": str(tmp_path), "durability": "fast", "pipeline": "kafka", "log_level": "DEBUG", "log_format": "json",
        "host": "::1", "port": "9000", "ably_endpoint": "http://localhost:8801", "ably_key": "a.b:c",
        "kafka_bootstrap_servers": "localhost:9092", "secret": "s" * 32, "cors_origins": "https://a.example",
        "quiet_hours": "22:00-07:00", "timezone": "Europe/Helsinki", "trusted_proxy": "10.0.0.1",
        "database_url": "postgresql://user@host/endcap", "max_records": "5000", "keep_locations_h": "25",
        "keep_events_h": "25", "keep_alerts_h": "25", "user_fixes_burst": "700", "max_body_kb": "128",
        "currency": "SEK", "loyalty_tiers": "plain:0,gold:100", "raw_names": "lasting",
    }  # fmt: skip
    for each in settings_of(Settings):
        text = examples.get(each.name, "7")
        context = {"ENDCAP_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"} if each.name == "pipeline" else {}
        value = text
        if each.secret:
            (tmp_path / each.name).write_text(text + "\n")
            value = str(tmp_path / each.name)
        by_switch = settings(each.switch, value, **context)
        by_variable = settings(**{each.variable: text}, **context)
        assert by_switch == by_variable != settings(**context), each.name


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("ENDCAP_PORT", "many", "ENDCAP_PORT: must be a whole number from 0 to 65535, not 'many'"),
        ("ENDCAP_PORT", "70000", "ENDCAP_PORT: must be a whole number from 0 to 65535, not '70000'"),
        ("ENDCAP_THREADS", "0", "ENDCAP_THREADS: must be a whole number from 1 to 1000"),
        ("ENDCAP_TOKEN_MINUTES", "61", "ENDCAP_TOKEN_MINUTES: must be a number from 1 to 60"),
        ("ENDCAP_KEEP_LOCATIONS_H", "1", "ENDCAP_KEEP_LOCATIONS_H: must be a number from 24 to 720"),
        ("ENDCAP_USER_FIXES_PER_S", "x", "ENDCAP_USER_FIXES_PER_S: must be a number, 0.01 or more, not 'x'"),
        ("ENDCAP_USER_FIXES_PER_S", "nan", "ENDCAP_USER_FIXES_PER_S: must be a number, 0.01 or more, not 'nan'"),
        ("ENDCAP_USER_FIXES_BURST", "499", "ENDCAP_USER_FIXES_BURST: must be a whole number, 500 or more, not '499'"),
        ("ENDCAP_DURABILITY", "maybe", "ENDCAP_DURABILITY: must be one of full, fast"),
        ("ENDCAP_LOG_LEVEL", "LOUD", "ENDCAP_LOG_LEVEL: must be one of"),
        ("ENDCAP_ABLY_KEY", "not a key", "ENDCAP_ABLY_KEY: is no Ably API key"),
        ("ENDCAP_SECRET", "short", "ENDCAP_SECRET: has 5 characters; at least 32 are needed"),
        ("ENDCAP_ABLY_ENDPOINT", "localhost:8801", "ENDCAP_ABLY_ENDPOINT: must be a URL"),
        ("ENDCAP_CORS_ORIGINS", "https://a.example/path", "ENDCAP_CORS_ORIGINS: 'https://a.example/path' is no origin"),
        ("ENDCAP_TIMEZONE", "Mars/Olympus", "ENDCAP_TIMEZONE: 'Mars/Olympus' is no time zone"),
        ("ENDCAP_CORS_ORIGINS", "*", "ENDCAP_CORS_ORIGINS: '*' is no origin"),
        ("ENDCAP_PIPELINE", "kafka", "--kafka-bootstrap-servers or ENDCAP_KAFKA_BOOTSTRAP_SERVERS: is needed"),
        ("ENDCAP_SECRET_FILE", "/no/such/file", "ENDCAP_SECRET_FILE: the file /no/such/file can't be read"),
    ],
)
def test_a_setting_that_cannot_work_is_named(variable, text, said):
    with pytest.raises(BadConfig) as refused:
        settings(**{variable: text})
    assert said in str(refused.value)


def test_a_secret_has_no_switch_and_is_not_shown(tmp_path):
    key_file = tmp_path / "key"
    key_file.write_text("app.key:swordfish\n")
    found = settings("--ably-key-file", str(key_file))
    assert found.ably_key == "app.key:swordfish"
    assert "swordfish" not in repr(found)
    with pytest.raises(SystemExit):
        settings("--ably-key", "app.key:swordfish")


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path):
    made = load_secret("", tmp_path)
    assert len(made) == 64
    assert load_secret("", tmp_path) == made
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_given_is_not_kept(tmp_path):
    assert load_secret("given", tmp_path) == "given"
    assert list(tmp_path.iterdir()) == []


def test_a_secret_file_that_is_too_short_is_refused(tmp_path):
    (tmp_path / "secret").write_text("")
    with pytest.raises(BadConfig, match="holds fewer than 32 characters: delete it"):
        load_secret("", tmp_path)


def test_keys_of_two_purposes_differ():
    assert derived_key("s", "access") != derived_key("s", "refresh")


def test_the_log_stands_in_the_data_folder():
    assert Settings(data=Path("shop")).log_path == Path("shop/log.db")
