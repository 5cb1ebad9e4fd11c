"""`endcap-backend serve` as an operator meets it."""

import json
import signal
import subprocess
import sys
from threading import Thread

import httpx
import pytest

from endcap_backend.log import Log

A_FIX = {"latitude": 60.1, "longitude": 24.9}


def test_it_prints_its_address_serves_and_ends_on_sigterm(serve, phone, tmp_path):
    served = serve()
    answer = phone(served.url()).post("/v1/locations", json={"locations": [{**A_FIX, "id": "i:1"}]})
    assert answer.status_code == 202
    status, logged = served.end()
    assert status == 0
    assert "serving http://127.0.0.1:" in logged
    reader = Log.open_readonly(tmp_path / "data" / "log.db")
    assert [record.id for record in reader.read(0)] == ["i:1"]
    reader.close()


def test_ctrl_c_ends_it_too(serve):
    served = serve()
    served.url()
    assert served.end(signal.SIGINT)[0] == 0


def test_a_shopper_goes_on_after_a_restart(serve, phone):
    first = serve()
    client = phone(first.url())
    first.end()
    second = serve()
    client.base_url = second.url()
    assert client.post("/v1/locations", json={"locations": [A_FIX]}).status_code == 202


def test_a_second_backend_on_the_same_data_is_refused(serve):
    serve().url()
    second = serve()
    _, logged = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert "in use by another backend" in logged
    assert "Traceback" not in logged


@pytest.mark.parametrize(
    ("switches", "environ", "said"),
    [
        (["--threads", "0"], {}, "--threads: must be a whole number from 1 to 1000, not '0'"),
        ([], {"ENDCAP_ABLY_KEY": "nonsense"}, "ENDCAP_ABLY_KEY: is no Ably API key"),
        (["--port", "80x"], {}, "serve: --port: must be a whole number from 0 to 65535, not '80x'"),
        (
            [],
            {"ENDCAP_DATABASE_URL": "mysql://x"},
            "ENDCAP_DATABASE_URL: mysql: is no database known here; it is postgres",
        ),
        (
            [],
            {"ENDCAP_DATABASE_URL": "postgresql://h:80x/x"},
            "ENDCAP_DATABASE_URL: is no URL of a database; it is postgresql://user:password",
        ),
        (["--log-levle", "INFO"], {}, "endcap-backend: error: unrecognized arguments: --log-levle"),
        (["--host", "192.0.2.1"], {}, "can't be listened on"),
        ([], {"ENDCAP_QUIET_HOURS": "at night"}, "ENDCAP_QUIET_HOURS: 'at night' is not of the form"),
    ],
)
def test_a_setting_that_cannot_work_ends_it_with_one_line(serve, switches, environ, said):
    served = serve(*switches, **environ)
    _, logged = served.process.communicate(timeout=20)
    assert served.process.returncode == (1 if "listened" in said else 2)
    assert said in logged
    assert "Traceback" not in logged
    assert logged.splitlines()[-1].startswith("endcap-backend")


@pytest.mark.parametrize("name", ["plan.csv", "plan.csv/data"])
def test_a_data_folder_that_cannot_be_made_ends_it_with_one_line(serve, tmp_path, name):
    (tmp_path / "plan.csv").touch()
    served = serve("--data", str(tmp_path / name))
    _, logged = served.process.communicate(timeout=20)
    assert served.process.returncode == 1
    assert logged.startswith(f"endcap-backend serve: data: {tmp_path / name} can't be used (")
    assert logged.endswith("): choose another folder with --data\n")
    assert logged.count("\n") == 1


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(serve, phone, tmp_path):
    served = serve()
    url = served.url()
    acked = []

    def walk(client, name):
        try:
            for number in range(10_000):
                id = f"{name}:{number}"
                if client.post("/v1/locations", json={"locations": [{**A_FIX, "id": id}]}).status_code != 202:
                    return
                acked.append(id)
        except httpx.TransportError:
            return

    walkers = [Thread(target=walk, args=(phone(url), f"w{number}")) for number in range(4)]
    for walker in walkers:
        walker.start()
    first = phone(url)
    while len(acked) < 40:
        first.get("/healthz")
    status, _ = served.end()
    for walker in walkers:
        walker.join()
    assert status == 0
    reader = Log.open_readonly(tmp_path / "data" / "log.db")
    stored = [record.id for record in reader.read(0, limit=1_000_000, topics=["customers_locations"])]
    reader.close()
    assert set(acked) <= set(stored)
    assert len(stored) == len(set(stored))


def test_logs_can_be_json(serve):
    served = serve("--log-format", "json")
    httpx.get(f"{served.url()}/healthz")
    _, logged = served.end()
    lines = [json.loads(line) for line in logged.splitlines()]
    assert {"at", "level", "logger", "message"} <= lines[0].keys()
    assert any(line["logger"] == "endcap.access" for line in lines)


def test_nothing_of_a_shopper_stands_in_the_log_of_the_process(serve, phone):
    served = serve("--log-level", "DEBUG")
    url = served.url()
    session = httpx.post(f"{url}/v1/sessions", json={"consent": {"purposes": ["location"], "text_version": "1"}}).json()
    headers = {"Authorization": f"Bearer {session['token']}"}
    fix = {"latitude": 12.34567, "longitude": 76.54321}
    httpx.post(f"{url}/v1/locations", json={"locations": [fix, {**fix, "country": 7}]}, headers=headers)
    httpx.get(f"{url}/v1/{session['uid']}?token={session['token']}", headers=headers)
    metrics = httpx.get(f"{url}/metrics").text
    _, logged = served.end()
    assert "POST /v1/locations 202" in logged
    for canary in (session["uid"], session["token"], session["refresh_token"], "12.34567", "76.54321"):
        assert canary not in logged + metrics


def test_help_names_every_switch_and_its_variable():
    helped = subprocess.run(
        [sys.executable, "-m", "endcap_backend", "serve", "--help"], capture_output=True, text=True, check=True
    )
    from endcap_backend.config import Settings
    from endcap_backend.settings import settings_of

    words = helped.stdout.split()
    for each in settings_of(Settings):
        assert each.switch in words
        assert any(each.variable in word for word in words)
