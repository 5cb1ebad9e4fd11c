"""The command: its switches, its environment, and what it says when it can't run."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from endcap_lite import serve
from endcap_lite.__main__ import main
from endcap_lite.app import create_app
from endcap_lite.settings import ABLY_CLOUD, Settings
from endcap_lite.signs import command as signs

DOCS = Path(__file__).parents[2] / "docs/lite.md"


def switches_of(module):
    parser = argparse.ArgumentParser()
    module.configure(parser)
    return {name for action in parser._actions for name in action.option_strings if name.startswith("--")} - {"--help"}


@pytest.mark.parametrize("module", [serve, signs])
def test_every_switch_is_documented(module):
    rows = "".join(line for line in DOCS.read_text().splitlines() if line.startswith("| `--"))
    assert {name for name in switches_of(module) if f"`{name}" not in rows} == set()


def test_no_switch_is_documented_that_there_is_not():
    told = set(re.findall(r"^\| .*?\|", DOCS.read_text(), re.MULTILINE))
    named = {name for row in told for name in re.findall(r"`(--[a-z-]+)", row)}
    assert named <= switches_of(serve) | switches_of(signs)


def test_every_address_is_documented_and_no_other(lite):
    told = set(re.findall(r"`((?:GET|POST) /[^`]*)`", DOCS.read_text().split("## Addresses")[1].split("\n## ")[0]))
    rules = create_app(lite.services).url_map.iter_rules()
    served = {f"{method} {rule.rule}" for rule in rules for method in rule.methods & {"GET", "POST"}}
    assert told == served


@pytest.mark.parametrize(
    ("switches", "said"),
    [
        (["--port", "99999"], "--port or ENDCAP_LITE_PORT: must be a whole number up to 65535"),
        (["--port", "x"], "--port or ENDCAP_LITE_PORT: must be a whole number"),
        (
            ["--backend-url", "127.0.0.1:8700"],
            "--backend-url or ENDCAP_LITE_BACKEND_URL: must be an address such as http://127.0.0.1:8700",
        ),
        (["--ably-endpoint", "ftp://x"], "--ably-endpoint or ENDCAP_ABLY_ENDPOINT: must be an address"),
        (
            ["--public-url", "https://lite.shop.example/page"],
            "--public-url or ENDCAP_LITE_PUBLIC_URL: must be an address",
        ),
        (["--kept-hours", "0"], "--kept-hours or ENDCAP_LITE_KEPT_HOURS: must be from 1 to 8784 hours"),
        (["--zones", "nowhere.csv"], "zones: can't read nowhere.csv"),
    ],
)
def test_a_switch_that_can_not_work_is_named(tmp_path, capsys, switches, said):
    assert main(["serve", "--data", str(tmp_path), *switches]) == (1 if "read" in said else 2)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("store,zone,title,lat,lon", "store, zone, title, lat, lon; it lacks name, latitude, longitude"),
        ("store;zone;name", "store;zone;name; it lacks store, zone, name, latitude, longitude"),
        ("", "nothing; it lacks store, zone, name, latitude, longitude"),
    ],
)
def test_a_zones_file_that_lacks_a_column_says_which(tmp_path, capsys, header, said):
    file = tmp_path / "zones.csv"
    file.write_text(f"{header}\nS1,Z1,Coffee,60.1,24.9\n" if header else "")
    assert main(["serve", "--data", str(tmp_path / "lite"), "--port", "0", "--zones", str(file)]) == 1
    told = f"endcap-lite serve: zones: can't read {file}: its first line names the columns {said}\n"
    assert capsys.readouterr().err.endswith(told)


@pytest.mark.parametrize("name", ["zones.csv", "zones.csv/data"])
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["signs", "--rotate"]])
def test_a_data_folder_that_can_not_be_made_is_named(tmp_path, capsys, command, name):
    (tmp_path / "zones.csv").touch()
    assert main([*command, "--data", str(tmp_path / name)]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"endcap-lite {command[0]}: data: {tmp_path / name} can't be used (")
    assert said.endswith("): choose another folder with --data")


def test_two_servers_can_not_share_a_folder(lite, tmp_path, capsys):
    assert main(["serve", "--data", str(tmp_path / "lite"), "--port", "0"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    why = "is in use by another endcap-lite: stop that one first, or give this one its own --data"
    assert said == f"endcap-lite serve: data: {tmp_path / 'lite'} {why}"


def test_a_port_that_is_taken_is_named(lite, tmp_path):
    port = lite.url.rpartition(":")[2]
    command = [sys.executable, "-m", "endcap_lite", "serve", "--data", str(tmp_path / "other"), "--port", port]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ran.returncode == 1
    assert f"port: can't listen on 127.0.0.1:{port}" in ran.stderr


def test_settings_come_from_the_environment_too(monkeypatch):
    monkeypatch.setenv("ENDCAP_LITE_STORE_NAME", "Riverside")
    monkeypatch.setenv("ENDCAP_ABLY_ENDPOINT", "http://localhost:8801")
    parser = argparse.ArgumentParser()
    serve.configure(parser)
    settings = serve.settings_of(parser.parse_args(["--backend-url", "http://b:1/"]))
    assert (settings.store_name, settings.ably_url) == ("Riverside", "http://localhost:8801")
    assert settings.backend_url == "http://b:1"


def test_without_an_endpoint_offers_come_from_ablys_cloud(lites):
    assert Settings("http://b", Path()).ably_url == ABLY_CLOUD
    policy = httpx.get(lites(ably_endpoint="").url).headers["Content-Security-Policy"]
    assert f"connect-src 'self' {ABLY_CLOUD};" in policy


def test_another_ably_than_the_backends_is_told_to_the_operator(lites, clients, caplog):
    clients(lites(ably_endpoint="http://localhost:1")).post("/stream")
    assert "another Ably" in caplog.text


def test_the_wifi_is_told_that_nobody_is_held_and_where_the_page_is(lites):
    answer = httpx.get(lites(public_url="https://lite.shop.example").url + "/captive")
    assert answer.headers["Content-Type"] == "application/captive+json"
    assert answer.json() == {"captive": False, "venue-info-url": "https://lite.shop.example/"}


def test_the_page_can_be_put_on_a_home_screen(lite):
    manifest = httpx.get(lite.url + "/manifest.webmanifest")
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    assert manifest.json()["name"] == "Riverside store"
    assert httpx.get(lite.url + manifest.json()["icons"][0]["src"]).headers["Content-Type"].startswith("image/svg+xml")


def test_the_worker_keeps_files_and_a_strangers_page_only(lite, client):
    client.post("/sign", data={"zone": "S1.COFFEE"})
    script = client.get("/sw.js?lang=de").text
    files = re.search(r"FILES=(\[.*?\])", script).group(1)
    assert files.count('"') == 8
    assert '"/offline?lang=de"' in files
    assert "<li>" not in client.get("/offline?lang=de").text.partition("<template")[0]


def test_health_tells_what_waits_and_what_was_lost(lite):
    assert httpx.get(lite.url + "/healthz").json() == {"status": "ok", "waiting": 0, "lost": {}}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/fix", 405), ("GET", "/static/../app.py", 404), ("GET", "/static/x.js", 404)],
)
def test_what_is_not_there_is_said_in_a_few_words(lite, method, path, status):
    answer = httpx.request(method, lite.url + path)
    assert answer.status_code == status
    assert len(answer.content) < 600
