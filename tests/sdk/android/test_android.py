"""Runs the Android adapters against the real framework's classes: on a desktop JVM, in a process of its own."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
RECEIVER = ROOT / "sdk/endcap/device/android/java/dev/endcap/TransitionReceiver.java"
ANDROID = "org.robolectric:android-all:14-robolectric-10818077"  # the framework of API level 34
COMPILER = "org.eclipse.jdt:ecj:3.38.0"  # so that a JRE is enough


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def jars():
    """The two jars, fetched by Maven once and kept."""
    folder = ROOT / ".cache" / "android-34"
    if not (folder / ".complete").exists():
        for artifact in (ANDROID, COMPILER):
            goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
            run("mvn", "-q", "-B", goal, f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")
        without_java_itself(next(folder.glob("android-all*.jar")))
        (folder / ".complete").touch()
    return next(folder.glob("android-all*.jar")), next(folder.glob("ecj*.jar"))


def without_java_itself(jar):
    """Take java.* out of the jar's table of contents: a compiler would take it for the JDK's."""
    archive = zipfile.ZipFile(jar, "a")
    archive.filelist = [entry for entry in archive.filelist if not entry.filename.startswith("java/")]
    archive._didModify = True
    archive.close()


@pytest.fixture(scope="module")
def classes(jars, tmp_path_factory):
    """Our receiver and the stand-ins, compiled against the framework: a wrong signature ends here."""
    android, compiler = jars
    folder = tmp_path_factory.mktemp("classes")
    sources = [*(HERE / "fakes").rglob("*.java"), RECEIVER]
    run("java", "-jar", compiler, "-17", "-nowarn", "-cp", android, "-d", folder, *sources)
    return folder


@pytest.mark.slow
def test_the_adapters_work_on_the_frameworks_own_classes(jars, classes, tmp_path):
    environment = {**os.environ, "CLASSPATH": f"{classes}:{jars[0]}", "ANDROID_JAR": str(jars[0])}
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", f"--basetemp={tmp_path / 'inner'}")
    said = run(sys.executable, "-m", "pytest", *options, HERE / "jvm_checks.py", env=environment, cwd=ROOT)
    passed = re.search(r"(\d+) passed", said)
    assert passed, said
    assert int(passed[1]) >= 40
    assert "failed" not in said


def test_without_pyjnius_it_says_what_to_add_to_the_build():
    code = (
        "import sys\nsys.modules['jnius'] = None\nimport endcap\n"
        "try: endcap.device.android\nexcept ModuleNotFoundError as fault: print(fault)"
    )
    said = run(sys.executable, "-c", code)
    assert said == "endcap.device.android needs pyjnius: add it to the requirements of your buildozer.spec\n"
