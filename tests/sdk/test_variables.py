"""Each variable that is read is known, and one that is like it is told."""

import importlib
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import endcap
import endcap_backend.__main__ as backend
import endcap_devkit.__main__ as devkit
import endcap_lite.__main__ as lite
from endcap.variables import KNOWN, PREFIX, misspelt
from endcap_backend.settings import settings_of
from endcap_lite.serve import SWITCHES

ROOT = Path(__file__).parents[2]
ROOMS = ("sdk", "backend", "web_lite", "shopper_app")
VARIABLE = re.compile(r"\bENDCAP_[A-Z][A-Z0-9_]*[A-Z0-9]\b")


def files(*folders):
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def declared():
    """What classes of settings read, without ever spelling it."""
    names = {PREFIX + each.name.upper() for each in fields(endcap.Config)}
    names |= {f"ENDCAP_LITE_{name.upper()}" for name in SWITCHES}
    for path in files("backend"):
        if "= setting(" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT / "backend").with_suffix("").parts))
        classes = [each for each in vars(module).values() if isinstance(each, type) and is_dataclass(each)]
        each_setting = [setting for each in classes for setting in settings_of(each)]
        names |= {each.variable for each in each_setting}
        names |= {f"{each.variable}_FILE" for each in each_setting if each.secret}
    return names


def test_what_is_read_is_known_and_nothing_else():
    spelt = {name for path in files(*ROOMS) for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert {PREFIX + name for name in KNOWN} == spelt | declared()


def test_what_the_tests_and_the_makefile_read_is_not_taken_for_a_misspelling():
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*files("tests"), ROOT / "Makefile"])
    there = set(VARIABLE.findall(text)) - set(WRONG)
    assert misspelt(dict.fromkeys(there, "1")) == {}


WRONG = {
    "ENDCAP_PROT": "ENDCAP_PORT",
    "ENDCAP_LOGLEVEL": "ENDCAP_LOG_LEVEL",
    "ENDCAP_DATABSE_URL": "ENDCAP_DATABASE_URL",
    "ENDCAP_TREADS": "ENDCAP_THREADS",
}


def test_the_nearest_variable_is_named():
    assert misspelt({**dict.fromkeys(WRONG, "1"), "ENDCAP_PORT": "1", "PORT": "1"}) == WRONG


def test_what_kubernetes_names_after_a_service_is_not_told():
    theirs = ("SERVICE_HOST", "SERVICE_PORT", "PORT_8700_TCP", "PORT_8700_TCP_ADDR", "LITE_SERVICE_PORT")
    assert misspelt({PREFIX + name: "tcp://10.0.0.1:8700" for name in theirs}) == {}


@pytest.mark.parametrize(
    ("main", "program", "arguments"),
    [
        (backend.main, "endcap-backend", ["audit", "check"]),
        (devkit.main, "endcap", ["replay", "nowhere.gpx"]),
        (lite.main, "endcap-lite", ["signs", "--keys"]),
    ],
)
def test_every_command_line_warns_in_one_line_and_shows_no_value(
    main, program, arguments, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENDCAP_PROT", "very-secret")
    monkeypatch.setenv("ENDCAP_TREADS", "8")
    main(arguments)
    said = capsys.readouterr().err
    told = "warning: nothing reads ENDCAP_PROT (is it ENDCAP_PORT?), ENDCAP_TREADS (is it ENDCAP_THREADS?)"
    assert said.splitlines()[0] == f"{program}: {told}"
    assert (said.count("warning"), "very-secret" in said) == (1, False)
