"""The guides say what is so: their code runs, their tables are the code's."""

import re
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import endcap
from endcap.filtering import Reason
from endcap.presets import PRESETS
from endcap.privacy import STRICTER
from endcap.remote import CHANGEABLE
from endcap.reports import NEEDS
from endcap_devkit.ably_server import AblyServer

ROOT = Path(__file__).parent.parent.parent
EMBEDDING = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
PRIVACY = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


def blocks(path):
    return re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def shop(backend):
    with AblyServer() as backend.ably:
        yield backend


def run(code, shop, tmp_path, monkeypatch):
    """Run a guide's code from the project's folder, in front of a real server, keeping what it keeps elsewhere."""
    monkeypatch.chdir(ROOT)
    code = code.replace("http://127.0.0.1:8700", shop.url).replace('"shopper-data"', repr(str(tmp_path / "data")))
    names = {}
    exec(compile(code, "guide", "exec"), names)
    return names


@pytest.mark.parametrize("path", ["README.md", "sdk/README.md"])
def test_the_ten_lines_of_the_readme_run(path, shop, tmp_path, monkeypatch):
    (code,) = [block for block in blocks(path) if "endcap.Endcap(" in block]
    client = run(code, shop, tmp_path, monkeypatch)["client"]
    assert client.state.running
    assert client.state.granted == {"location", "promotions"}
    client.close()
    assert len([line for line in code.splitlines() if line]) <= 11


def test_without_a_backend_the_ten_lines_warn_once_and_say_that_all_is_kept(tmp_path):
    (code,) = [block for block in blocks("README.md") if "endcap.Endcap(" in block]
    with socket.create_server(("127.0.0.1", 0)) as held:
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}"
    code = code.replace("http://127.0.0.1:8700", nobody).replace('"shopper-data"', repr(str(tmp_path / "data")))
    code = code.replace("client.flush()", 'while client.state.publisher.doing != "waiting":\n    client.flush(0.1)')
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert ran.returncode == 0, ran.stderr
    (line,) = [each for each in ran.stderr.splitlines() if "all is kept" in each]
    assert f"nothing could be sent, and all is kept; trying again in 1 s: POST {nobody}/v1/sessions: " in line


def test_the_guides_first_program_publishes_and_hears(shop, tmp_path, monkeypatch, capsys):
    run(blocks("docs/embedding.md")[0], shop, tmp_path, monkeypatch)
    said = capsys.readouterr().out
    assert "enter s1/door" in said
    assert "exit s1/door" in said
    assert shop.count() == 48


@pytest.mark.parametrize("number", range(1, 5))
def test_the_guides_other_code_runs(number, shop, tmp_path, monkeypatch):
    code = blocks("docs/embedding.md")[number]
    if "client." in code:
        config = f"endcap.Config(backend_url={shop.url!r}, storage_dir={str(tmp_path / 'data')!r})"
        code = f"client = endcap.Endcap({config})\n{code}"
    run(f"import endcap\n{code}", shop, tmp_path, monkeypatch)


@pytest.mark.parametrize("setting", fields(endcap.Config), ids=lambda each: each.name)
def test_each_setting_is_documented_with_its_default_and_range(setting):
    (row,) = [line for line in EMBEDDING.splitlines() if line.startswith(f"| `{setting.name}` |")]
    assert setting.metadata["meaning"] in row
    if setting.metadata["low"] is not None:
        assert f"{setting.metadata['low']:g} to {setting.metadata['high']:g}" in row
    if str(setting.default) not in ("", "."):
        assert f"`{setting.default}`" in row


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_is_documented(preset):
    assert f"| `{preset}`" in EMBEDDING


@pytest.mark.parametrize("reason", Reason.__args__)
def test_each_reason_to_drop_a_fix_is_documented(reason):
    assert f"`{reason}`" in EMBEDDING


@pytest.mark.parametrize("mode", STRICTER)
def test_each_privacy_mode_is_documented(mode):
    assert f"| `{mode}` |" in PRIVACY


@pytest.mark.parametrize("purpose", endcap.Purpose)
def test_each_purpose_is_documented(purpose):
    assert f"| `Purpose.{purpose.name}` |" in EMBEDDING
    assert f"| `{purpose.name}` |" in PRIVACY


@pytest.mark.parametrize("name", [*NEEDS, *CHANGEABLE])
def test_each_report_and_each_setting_from_afar_is_documented(name):
    assert f"`{name}`" in EMBEDDING


@pytest.mark.parametrize(
    "reason",
    ["outbox full", "events full", "too old", "disk", "damaged", "outbox damaged", "consent revoked", "privacy"],
)
def test_each_loss_is_documented(reason):
    assert f"`{reason}`" in EMBEDDING
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sdk" / "endcap").glob("*.py"))
    assert f'"{reason}"' in sources
