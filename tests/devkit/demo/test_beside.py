"""What is started beside the demo finds it."""

import os
import subprocess
import sys

import pytest

from endcap_devkit.demo.beside import Beside

LINKS = {"backend": "http://127.0.0.1:4001", "lite": "http://127.0.0.1:4002", "map": "http://127.0.0.1:4003"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "demo.env"


def read_by_a_shell(path, **env):
    said = subprocess.run(
        ["sh", "-c", f'. {path}; exec sh -c \'echo "$ENDCAP_BACKEND_URL $ENDCAP_LITE_URL"\''],
        capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], **env},
    )  # fmt: skip
    return said.stdout.split()


def test_a_shell_reads_where_it_is(path):
    Beside(path).tell(LINKS)
    assert read_by_a_shell(path) == ["http://127.0.0.1:4001", "http://127.0.0.1:4002"]


def test_what_a_killed_demo_left_says_so_and_sets_nothing(path):
    left = f"Beside(Path({str(path)!r})).tell({LINKS})"
    imports = "from pathlib import Path; from endcap_devkit.demo.beside import Beside"
    demo = subprocess.Popen([sys.executable, "-c", f"{imports}; {left}"])
    os.waitid(os.P_PID, demo.pid, os.WEXITED | os.WNOWAIT)  # over, and its parent has not looked yet
    first = told_to_a_shell(path)
    demo.wait()
    for said in (first, told_to_a_shell(path)):
        assert said.stdout == "[]\n"
        assert "The demo that this was about is gone" in said.stderr


def told_to_a_shell(path):
    return subprocess.run(
        ["sh", "-c", f'. {path}; echo "[$ENDCAP_BACKEND_URL]"'], capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip


def test_what_somebody_has_set_stays(path):
    Beside(path).tell(LINKS)
    assert read_by_a_shell(path, ENDCAP_BACKEND_URL="http://x:1") == ["http://x:1", "http://127.0.0.1:4002"]


def test_it_is_gone_when_the_demo_is(path):
    beside = Beside(path)
    beside.tell(LINKS)
    beside.withdraw()
    beside.withdraw()
    assert not path.exists()


def test_of_two_demos_the_later_is_told_of_and_the_earlier_takes_nothing_away(path):
    first, second = Beside(path), Beside(path)
    first.tell(LINKS)
    second.tell({**LINKS, "backend": "http://127.0.0.1:5001"})
    first.withdraw()
    assert read_by_a_shell(path)[0] == "http://127.0.0.1:5001"


def test_when_the_later_ends_the_earlier_is_told_of_again(path):
    imports = "import sys; from pathlib import Path; from endcap_devkit.demo.beside import Beside"
    tell = f"Beside(Path({str(path)!r})).tell({LINKS}); print(flush=True); sys.stdin.read()"
    earlier = subprocess.Popen(
        [sys.executable, "-c", f"{imports}; {tell}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    earlier.stdout.readline()
    later = Beside(path)
    for _ in range(2):
        later.tell({**LINKS, "backend": "http://127.0.0.1:5001"})
        later.withdraw()
        later.withdraw()
        assert read_by_a_shell(path)[0] == LINKS["backend"]
    later.tell(LINKS)
    earlier.communicate(timeout=30)
    later.withdraw()
    assert not path.exists()


def test_a_cache_that_is_no_folder_fails_no_demo(path):
    path.parent.write_text("")
    beside = Beside(path)
    beside.tell(LINKS)
    beside.withdraw()
    assert path.parent.read_text() == ""
