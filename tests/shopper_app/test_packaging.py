"""The phone's build, as far as it can be judged without building: its settings, and what it needs to run."""

import ast
import configparser
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from hashlib import sha256
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from endcap_shopper.platform.ports import read_link

ROOT = Path(__file__).parent.parent.parent
ROOM = ROOT / "shopper_app"
CACHE = Path(os.environ.get("ENDCAP_CACHE", ROOT / ".cache" / "endcap"))
RECIPES = {"python3", "hostpython3", "kivy", "pyjnius", "android", "sqlite3", "openssl"}  # python-for-android's own
OURS = {path.parent.name for path in ROOM.glob("p4a-recipes/*/__init__.py")}
RUNTIME = ("ably", "httpx", "segno", "python-barcode", "babel")  # what the app and the SDK import on a phone
PHONE = {
    "python_version": "3.13",
    "python_full_version": "3.13.5",
    "sys_platform": "android",
    "platform_system": "Android",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "extra": "",
}


def canonical(name):
    return name.lower().replace("_", "-")


@pytest.fixture(scope="module")
def spec():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOM / "buildozer.spec")
    return parser["app"]


@pytest.fixture(scope="module")
def required(spec):
    """name -> version, "" for what is built as the recipe has it."""
    entries = [each.strip() for each in spec["requirements"].replace("\n", " ").split(",")]
    return {canonical(name): version for name, _, version in (each.partition("==") for each in entries)}


def closure(names):
    found, waiting = set(), [canonical(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            needs = [Requirement(each) for each in requires(name) or ()]
            waiting += [canonical(each.name) for each in needs if each.marker is None or each.marker.evaluate(PHONE)]
    return found


def test_everything_that_runs_on_the_phone_is_named_and_nothing_else(required):
    ours = {canonical(name) for name in RECIPES | {"endcap_sdk"}}
    assert set(required) - ours == closure(RUNTIME)


def test_versions_are_those_the_tests_run_with(required):
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
    pins = {canonical(name): version for name, version in pins.items()}
    ours = {canonical(name) for name in OURS | {"python3", "hostpython3"}} - {"msgpack"}
    assert {n: v for n, v in required.items() if v and n not in ours} == {
        n: pins[n] for n, v in required.items() if v and n not in ours
    }


@pytest.mark.slow
def wheels_for_the_phone(wanted):
    """The file names that pip takes for an Android phone; kept, so that the registry is asked once for each list."""
    known = CACHE / f"wheels-{sha256(' '.join(wanted).encode()).hexdigest()[:12]}.json"
    if known.exists():
        return json.loads(known.read_text())
    platform = ["--platform", "android_24_arm64_v8a", "--python-version", "3.13", "--implementation", "cp"]
    options = ["--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--only-binary=:all:", "--target", "nowhere"]
    asked = [sys.executable, "-m", "pip", "install", *options, *platform, "--report", "-", *wanted]
    ran = subprocess.run(asked, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    wheels = [each["download_info"]["url"].rpartition("/")[2] for each in json.loads(ran.stdout)["install"]]
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps(wheels))
    return wheels


def test_what_has_no_recipe_is_a_pure_wheel_for_the_phone(required):
    recipes = {canonical(name) for name in RECIPES | OURS}
    wanted = [f"{name}=={version}" for name, version in required.items() if name not in recipes]
    wheels = wheels_for_the_phone(wanted)
    assert len(wheels) == len(wanted)
    assert [wheel for wheel in wheels if not wheel.endswith("-none-any.whl")] == []


def test_the_app_imports_nothing_that_the_phone_lacks():
    known = set(sys.stdlib_module_names) | {"endcap", "endcap_shopper", "kivy", "babel", "segno", "barcode"}
    imported = {}
    elsewhere = {ROOM / "endcap_shopper" / each for each in ("ui/driver.py", "platform/desktop_bus.py")}
    for path in set((ROOM / "endcap_shopper").rglob("*.py")) - elsewhere:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            imported |= {name.partition(".")[0]: path.name for name in names}
    assert {name: path for name, path in imported.items() if name not in known} == {}


def test_it_is_built_for_the_versions_the_stores_ask_for(spec):
    assert (spec["android.api"], spec["android.minapi"], spec["android.ndk_api"]) == ("35", "24", "24")
    assert {each.strip() for each in spec["android.archs"].split(",")} <= {"arm64-v8a", "armeabi-v7a", "x86_64", "x86"}
    assert spec["android.allow_backup"] == "False"  # a restored backup would number fixes anew under the same install


def test_each_permission_is_explained_where_it_is_asked_and_in_the_docs(spec):
    asked = [each.strip() for each in spec["android.permissions"].split(",")]
    text = (ROOM / "buildozer.spec").read_text()
    assert [each for each in asked if not re.search(rf"^# {each}  +\w", text, re.MULTILINE)] == []
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "app.md").read_text(), re.MULTILINE))
    assert documented == set(asked)


def test_nothing_is_asked_for_that_would_follow_her_home(spec):
    assert not {"ACCESS_BACKGROUND_LOCATION", "READ_CONTACTS", "CAMERA"} & set(spec["android.permissions"].split(", "))


def test_the_service_is_one_of_location_in_the_foreground(spec):
    name, script, *how = spec["services"].split(":")
    assert (name, how) == ("Location", ["foreground", "foregroundServiceType=location"])
    assert (ROOM / script).exists()
    service = (ROOM / "endcap_shopper/platform/android/background.py").read_text()
    assert f'"{spec["package.domain"]}.{spec["package.name"]}.Service{name}"' in service


def test_the_manifest_takes_exactly_the_links_the_app_reads(spec):
    address = "http://schemas.android.com/apk/res/android"
    fragment = (ROOM / spec["android.manifest.intent_filters"]).read_text()
    root, space = ElementTree.fromstring(f'<manifest xmlns:android="{address}">{fragment}</manifest>'), f"{{{address}}}"
    assert read_link("endcap://offer/a1") is not None
    assert [each.get(f"{space}host") for each in root.iter("data")] == ["offer", "page", "mute"]
    assert {each.get(f"{space}scheme") for each in root.iter("data")} == {"endcap"}


def test_recipes_are_of_the_versions_that_are_asked_for(required, monkeypatch):
    stand_in = ModuleType("pythonforandroid.recipe")
    stand_in.PyProjectRecipe = type("PyProjectRecipe", (), {"get_recipe_env": lambda self, arch, **more: {"A": "1"}})
    stand_in.IncludedFilesBehaviour = type("IncludedFilesBehaviour", (), {})
    monkeypatch.setitem(sys.modules, "pythonforandroid", ModuleType("pythonforandroid"))
    monkeypatch.setitem(sys.modules, "pythonforandroid.recipe", stand_in)
    recipes = {}
    for path in ROOM.glob("p4a-recipes/*/__init__.py"):
        names = {}
        exec(compile(path.read_text(), path, "exec"), names)
        recipes[path.parent.name] = names["recipe"]
    assert recipes["msgpack"].version == required["msgpack"]
    assert recipes["msgpack"].get_recipe_env("arm64-v8a") == {"A": "1", "MSGPACK_PUREPYTHON": "1"}
    sdk = ROOM / "p4a-recipes" / "endcap_sdk" / recipes["endcap_sdk"].src_filename
    assert (sdk / "endcap" / "__init__.py").exists()
    assert f'version = "{recipes["endcap_sdk"].version}"' in (sdk / "pyproject.toml").read_text()


def test_whatever_the_app_reads_from_its_folder_is_packed(spec):
    packed = {each.strip() for each in spec["source.include_exts"].split(",")}
    kept = {path.suffix[1:] for path in (ROOM / "endcap_shopper").rglob("*") if path.is_file()} - {"pyc", "typed", "md"}
    assert kept <= packed
