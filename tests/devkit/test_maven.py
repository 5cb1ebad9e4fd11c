"""Jars are fetched once, whoever asks for them and however many ask at once."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from endcap.errors import BadConfig
from endcap_devkit.maven import jars_of

MAVEN = """#!{python}
import pathlib, sys
folder = pathlib.Path(next(each for each in sys.argv if each.startswith("-DoutputDirectory=")).partition("=")[2])
with open({runs!r}, "a") as runs:
    runs.write("began\\n")
    runs.flush()
    (folder / "one.jar").write_text("a jar")
    runs.write("ended\\n")
sys.exit({code})
"""


@pytest.fixture
def maven(tmp_path, monkeypatch):
    """Put an `mvn` in the path that makes one jar, and ends with a code; gives the file that tells its runs."""
    runs = tmp_path / "runs"
    runs.touch()

    def ending_with(code):
        program = tmp_path / "bin" / "mvn"
        program.parent.mkdir(exist_ok=True)
        program.write_text(MAVEN.format(python=sys.executable, runs=str(runs), code=code))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("ENDCAP_CACHE", str(tmp_path / "cache"))
        return runs

    return ending_with


def test_eight_that_ask_at_once_get_the_jars_of_one_run(maven):
    runs = maven(0)
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: jars_of("endcap_devkit.kafka", "kafka"), range(8)))
    assert runs.read_text().split() == ["began", "ended"]
    assert [each.read_text() for folder in folders for each in folder.glob("*.jar")] == ["a jar"]


def test_what_failed_is_fetched_anew_by_the_next_who_asks(maven):
    maven(1)
    with pytest.raises(BadConfig, match="could not fetch the jars of kafka"):
        jars_of("endcap_devkit.kafka", "kafka")
    runs = maven(0)
    jars_of("endcap_devkit.kafka", "kafka")
    assert runs.read_text().count("began") == 2


def test_two_lists_are_not_fetched_at_the_same_time(maven):
    runs = maven(0)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(jars_of, ["endcap_devkit.kafka", "endcap_devkit.flink"], ["kafka", "flink"]))
    assert runs.read_text().split() == ["began", "ended"] * 2
