"""One contract for every machine, and what each promises beyond it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from endcap_shopper.platform import pick
from endcap_shopper.platform.contract import check_platform
from endcap_shopper.platform.desktop import Commands, DesktopLinks, DesktopSpeech, FileSecrets, desktop
from endcap_shopper.platform.fake import fake
from endcap_shopper.platform.ports import MUTE_LINK, Insets, offer_link, page_link, read_link

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
ROOM = ROOT / "shopper_app"


@pytest.fixture
def no_bus(monkeypatch):
    """Whoever runs the tests sees no notification of theirs."""
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_commands(no_bus, monkeypatch, tmp_path):
    """A machine without any program to notify or to speak with: a test makes no sound."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_fake_keeps_the_contract():
    kept = {}
    check_platform(lambda: fake(kept))


def test_a_desktop_keeps_the_contract(no_commands, tmp_path):
    check_platform(lambda: desktop(tmp_path))


def test_a_desktop_with_programs_keeps_it_too(no_bus, monkeypatch, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("notify-send", "espeak-ng"):
        (programs / name).write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.said\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/bin:/usr/bin")
    check_platform(lambda: desktop(tmp_path))
    machine = desktop(tmp_path)
    assert machine.notifier.permitted()
    commands = machine.speech._commands
    assert machine.speech.say("Turn left.", "de")
    commands._running.wait(10)
    assert (tmp_path / "espeak-ng.said").read_text().splitlines()[-1] == "-v de -- Turn left."


def test_secrets_on_a_desktop_are_hers_alone_and_it_says_that_no_key_guards_them(tmp_path):
    secrets = FileSecrets(tmp_path / "app")
    secrets.set("token", "abc")
    assert oct((tmp_path / "app" / "secrets.json").stat().st_mode & 0o777) == "0o600"
    assert not secrets.guarded


def test_damaged_secrets_are_gone_and_new_ones_kept(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    secrets = FileSecrets(tmp_path)
    assert secrets.get("token") is None
    secrets.set("token", "abc")
    assert secrets.get("token") == "abc"


def test_a_voice_stops_when_it_is_told_to(monkeypatch, tmp_path):
    (tmp_path / "espeak-ng").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "espeak-ng").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    speech = DesktopSpeech()
    assert speech.say("A long way.", "en")
    running = speech._commands._running
    speech.stop()
    assert running.poll() is not None


@pytest.mark.parametrize(
    ("theme", "says", "dark"),
    [
        ("Adwaita:dark", "'default'", True),
        ("Breeze", "'prefer-dark'", False),
        ("", "'prefer-dark'", True),
        ("", "'default'", False),
    ],
)
def test_it_is_dark_when_the_desktop_prefers_it(monkeypatch, tmp_path, theme, says, dark):
    (tmp_path / "gsettings").write_text(f'#!/bin/sh\necho "{says}"\n')
    (tmp_path / "gsettings").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("GTK_THEME", theme)
    assert desktop(tmp_path).display.dark() == dark


def test_a_desktop_that_says_nothing_is_light_and_has_no_bars(no_commands, monkeypatch, tmp_path):
    monkeypatch.delenv("GTK_THEME", raising=False)
    display = desktop(tmp_path).display
    assert (display.dark(), display.insets()) == (False, Insets())


def test_a_program_that_is_not_there_is_said():
    assert not Commands().run(["no-such-program-here"])


def test_an_address_on_the_command_line_is_taken_once():
    links = DesktopLinks(["--store", "s1", "endcap://offer/a1"])
    assert (links.take_first(), links.take_first()) == ("endcap://offer/a1", None)


@pytest.mark.parametrize(
    ("link", "read"),
    [
        (offer_link("a/b ü"), None),
        (offer_link("a1~x"), ("offer", "a1~x")),
        (page_link("coupons"), ("page", "coupons")),
        (MUTE_LINK, ("mute", "today")),
        ("endcap://offer", None),
        ("endcap://purchase/1", None),
        ("https://offer/a1", None),
        ("endcap://[", None),
    ],
)
def test_only_our_own_addresses_are_read(link, read):
    assert read_link(link) == read


def test_away_from_a_phone_it_is_a_desktop(tmp_path):
    assert pick(tmp_path).name == "desktop"


def test_only_the_platform_knows_a_phones_libraries():
    phones = re.compile(r"^\s*(from|import) (plyer|jnius|pyobjus|android)\b", re.MULTILINE)
    guilty = [path for path in (ROOM / "endcap_shopper").rglob("*.py") if phones.search(path.read_text())]
    assert guilty == []


def test_only_the_window_knows_kivy():
    kivy = re.compile(r"^\s*(from|import) kivy\b", re.MULTILINE)
    room = ROOM / "endcap_shopper"
    guilty = {path.relative_to(room) for path in room.rglob("*.py") if kivy.search(path.read_text())}
    assert {path for path in guilty if path.parts[0] not in ("ui", "app.py", "__main__.py")} == set()


def test_the_app_without_a_window_loads_no_kivy_and_no_ably():
    code = "import sys, endcap_shopper.shopper; print([n for n in ('kivy', 'ably', 'httpx') if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def asked_of_android(tmp_path_factory):
    """What the Android adapters ask of Java, as they keep the contract on stand-ins: class, member, arguments."""
    notes = tmp_path_factory.mktemp("android") / "asked.json"
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={notes.parent / 'inner'}"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(HERE / "android_checks.py")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ENDCAP_ASKED": str(notes), "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(notes.read_text())


def test_android_keeps_the_contract_on_stand_ins(asked_of_android):
    classes = {name for name, _, _ in asked_of_android["members"]}
    assert {"android.app.NotificationManager", "javax.crypto.Cipher", "android.speech.tts.TextToSpeech"} <= classes


@pytest.mark.slow
def test_everything_asked_of_android_is_in_its_framework(asked_of_android, tmp_path):
    jar = ROOT / ".cache" / "android-34"
    if not (jar / ".complete").exists():
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
        artifact = "-Dartifact=org.robolectric:android-all:14-robolectric-10818077"
        subprocess.run(["mvn", "-q", "-B", goal, artifact, f"-DoutputDirectory={jar}"], check=True)
    (found,) = jar.glob("android-all*.jar")
    notes = tmp_path / "asked.json"
    notes.write_text(json.dumps(asked_of_android))
    ran = subprocess.run(
        [sys.executable, str(HERE / "android_members.py"), str(notes)],
        capture_output=True,
        text=True,
        env={**os.environ, "CLASSPATH": str(found)},
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == []
