"""The house rules a machine can check: which way imports point, what an import costs, what may never be committed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("ably", "httpx", "asyncio", "aiohttp", "flask", "numpy", "kivy", "confluent_kafka")
# written in two parts, so that this file does not name them itself
REGISTRIES = "|".join(("pypi.org/" + "simple", "python" + "hosted", "registry.npm" + "js", "deb.deb" + "ian"))
MAX_FILE_BYTES = 1024 * 1024


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_imports_point_one_way():
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_importing_the_sdk_loads_nothing_heavy():
    code = f"import sys, endcap; print([name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_both_wheels_name_the_same_sdk_dependencies_and_version():
    whole, light = (
        tomllib.loads((ROOT / path).read_text())["project"] for path in ("pyproject.toml", "sdk/pyproject.toml")
    )
    assert whole["dependencies"] == light["dependencies"]
    assert whole["version"] == light["version"]


def test_every_dependency_is_pinned():
    pins = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [each for extra in project["optional-dependencies"].values() for each in extra]
    names = {re.split(r"[\[<>=~!]", each)[0].lower() for each in wanted} - {"endcap"}
    assert names <= pins


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a package registry's host", REGISTRIES),
        ("a path of one machine", r"(^|[^\w.-])/(home|work|root)/\w+"),
        ("a key that looks real", r"[A-Za-z0-9]{6}\.[A-Za-z0-9]{6}:[A-Za-z0-9_-]{40}"),
    ],
)
def test_nothing_committed_names(what, pattern):
    named = [
        f"{path.relative_to(ROOT)}: {line.strip()[:100]}"
        for path in tracked_files()
        if path != Path(__file__)
        for line in path.read_bytes().decode(errors="ignore").splitlines()
        if re.search(pattern, line)
    ]
    assert named == [], what


def test_no_file_is_over_a_mebibyte():
    assert [path.name for path in tracked_files() if path.stat().st_size > MAX_FILE_BYTES] == []
