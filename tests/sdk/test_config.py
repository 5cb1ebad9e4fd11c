from pathlib import Path

import pytest

from endcap.config import Config
from endcap.errors import BadConfig

GOOD = {"backend_url": "https://shop.example", "storage_dir": "/tmp/endcap"}


def test_arguments_of_the_usual_types_are_taken():
    config = Config(**GOOD | {"backend_url": "https://shop.example/", "retention_h": 24})
    assert (config.backend_url, config.storage_dir, config.retention_h) == (
        "https://shop.example",
        Path("/tmp/endcap"),
        24.0,
    )


def test_the_environment_fills_what_is_not_passed():
    environ = {
        "ENDCAP_BACKEND_URL": "https://env.example",
        "ENDCAP_STORAGE_DIR": "/tmp/env",
        "ENDCAP_BATCH_SIZE": "50",
        "ENDCAP_ALLOW_MOCK": "yes",
        "ENDCAP_MAX_ACCURACY_M": "",
    }
    config = Config.from_env(environ, batch_size=20)
    assert (config.backend_url, config.batch_size, config.allow_mock, config.max_accuracy_m) == (
        "https://env.example",
        20,
        True,
        100.0,
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("backend_url", ""),
        ("backend_url", "shop.example"),
        ("backend_url", "ftp://shop.example"),
        ("backend_url", "https://shop.example:99999"),
        ("backend_url", "https://user:pw@shop.example"),
        ("backend_url", "http://shop.example"),
        ("backend_url", 7),
        ("ably_endpoint", "http://192.168.1.7:8801"),
        ("storage_dir", ""),
        ("storage_dir", 3),
        ("batch_size", 0),
        ("batch_size", 501),
        ("batch_size", True),
        ("batch_size", 1.5),
        ("retention_h", float("nan")),
        ("max_accuracy_m", -1),
        ("route", "pigeon"),
        ("privacy", "some"),
        ("preset", "turbo"),
        ("allow_mock", 1),
    ],
)
def test_a_setting_that_cannot_work_is_named(setting, value):
    with pytest.raises(BadConfig) as fault:
        Config(**GOOD | {setting: value})
    assert fault.value.setting == setting


@pytest.mark.parametrize("url", ["http://localhost:8700", "http://127.0.0.1:8700", "http://[::1]:8700"])
def test_plain_http_is_fine_on_this_machine(url):
    assert Config(**GOOD | {"backend_url": url}).backend_url == url


def test_plain_http_in_the_shops_own_network_must_be_asked_for():
    assert Config(**GOOD | {"backend_url": "http://10.0.0.2:8700", "allow_http": True}).allow_http


@pytest.mark.parametrize(
    ("variable", "text"), [("ENDCAP_BATCH_SIZE", "many"), ("ENDCAP_ALLOW_MOCK", "maybe"), ("ENDCAP_RETENTION_H", "3d")]
)
def test_a_variable_that_cannot_be_read_is_named(variable, text):
    with pytest.raises(BadConfig) as fault:
        Config.from_env({variable: text}, **GOOD)
    assert fault.value.setting == variable
