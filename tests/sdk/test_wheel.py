"""The light wheel, installed alone in an environment that holds nothing of ours."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from endcap_devkit.ably_server import AblyServer

ROOT = Path(__file__).parent.parent.parent
SDK = ROOT / "sdk"


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(folder, *packages):
    """A bare environment, made once and kept: after the first time nothing is downloaded."""
    python = folder / "bin" / "python"
    if not (folder / ".complete").exists():
        run(sys.executable, "-m", "venv", "--clear", folder)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
        (folder / ".complete").touch()
    return python


@pytest.fixture(scope="module")
def kept():
    recipe = (ROOT / "constraints.txt").read_bytes() + (SDK / "pyproject.toml").read_bytes() + sys.version.encode()
    return ROOT / ".cache" / f"wheel-{hashlib.sha256(recipe).hexdigest()[:12]}"


@pytest.fixture(scope="module")
def wheel(kept, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    builder = environment(kept / "build", "hatchling>=1.27")
    run(builder, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, SDK)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(kept, wheel):
    python = environment(kept / "run", "-c", ROOT / "constraints.txt", wheel)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", wheel)
    return python


def test_the_wheel_holds_the_sdk_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"endcap", next(top for top in tops if top.endswith(".dist-info"))}


def test_all_it_needs_came_with_it(python):
    assert "No broken requirements" in run(python, "-m", "pip", "check")
    installed = run(python, "-m", "pip", "list", "--format=freeze").lower()
    assert not [name for name in ("flask", "kivy", "numpy", "confluent", "aiohttp", "plyer") if name in installed]


def test_importing_it_there_is_light(python):
    code = "import sys, endcap; print([name for name in ('ably', 'httpx', 'asyncio') if name in sys.modules])"
    assert run(python, "-I", "-c", code) == "[]\n"


def test_an_extra_that_is_missing_says_how_to_install_it(python):
    code = "import endcap\ntry: endcap.device.plyer\nexcept ModuleNotFoundError as fault: print(fault)"
    assert run(python, "-I", "-c", code) == "endcap.device.plyer needs plyer: pip install 'endcap-sdk[app]'\n"


@pytest.mark.slow
def test_the_example_runs_there(python, backend, tmp_path):
    with AblyServer() as backend.ably:
        said = run(python, SDK / "examples" / "embed.py", env={**os.environ, "ENDCAP_BACKEND_URL": backend.url})
    lines = said.splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:2]] == ["enter s1/door", "exit s1/door"]
    assert lines[-1] == "48 sent, 0 waiting, lost: {}"
    assert backend.count() == 48


@pytest.mark.slow
def test_without_a_backend_the_example_says_why_nothing_was_sent(python):
    said = run(python, SDK / "examples" / "embed.py", env={**os.environ, "ENDCAP_BACKEND_URL": "http://127.0.0.1:9"})
    why, report = said.splitlines()[-2:]
    assert why.startswith("waiting: POST http://127.0.0.1:9/v1/sessions: ")
    assert report.startswith("0 sent, ")


def test_the_examples_of_ones_own_source_runs_there(python, backend):
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat()
    lines = f'{{"latitude": 60.1, "longitude": 24.9, "taken_at": "{now}"}}\nnonsense\n'
    env = {**os.environ, "ENDCAP_BACKEND_URL": backend.url}
    assert run(python, SDK / "examples" / "own_location_source.py", env=env, input=lines) == "1 sent, dropped: {}\n"
    assert backend.count() == 1
