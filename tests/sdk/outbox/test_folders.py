"""Who may use an outbox: one process, in a folder that it can make and write."""

import os
import subprocess
import sys
import tempfile
from contextlib import closing

import pytest

from endcap.errors import BadConfig
from endcap.outbox import Outbox
from endcap.testing import a_location
from endcap.waiting import draft


def a_draft(number):
    return draft(a_location(country=f"N{number}"))


def numbers(entries):
    return [int(entry.draft["country"][1:]) for entry in entries]


def test_a_folder_has_one_outbox_at_a_time(outbox, open_outbox):
    with pytest.raises(BadConfig, match="in use by another Endcap"):
        open_outbox()
    outbox.close()
    open_outbox()


def test_the_folder_is_free_again_when_its_process_was_killed(open_outbox, tmp_path):
    code = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom endcap.outbox import Outbox\n"
        "outbox = Outbox(Path(sys.argv[1]))\noutbox.put([{'latitude': 1}])\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "box")], check=False).returncode == -9
    assert open_outbox().count("fix") == 1


FORKED = """
import os, signal, sqlite3, sys
from pathlib import Path
from threading import Event, Thread
from endcap.consent import Purpose
from endcap.outbox import Outbox

outbox = Outbox(Path(sys.argv[1]))
outbox.put([{"country": "parent"}])

def hold(held, let_go):
    with outbox._file.turn():
        held.set()
        let_go.wait(60)

def refused(act):
    try:
        act()
    except sqlite3.ProgrammingError:
        return True
    return False

held, let_go = Event(), Event()
holder = Thread(target=hold, args=(held, let_go))
holder.start()
held.wait(60)
child = os.fork()
if child == 0:
    signal.alarm(30)  # rather than hang where the lock is waited for
    os._exit(int(CHILD_IS_RIGHT))
let_go.set()
holder.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
assert outbox.put([{"country": "parent"}]) and len(outbox.peek("fix")) == 2 and outbox.lost == {}
assert sorted(path.name for path in Path(sys.argv[1]).iterdir()) == FILES
"""
FILES = ["outbox.db", "outbox.db-shm", "outbox.db-wal", "outbox.lock", "outbox.lock-journal"]


@pytest.mark.parametrize(
    "right",
    [
        'not outbox.put([{"country": "child"}]) and outbox.peek("fix") == []',
        "refused(outbox.erase)",
        "refused(outbox.shred)",
        "refused(lambda: outbox.purge(Purpose.LOCATION))",
        "outbox.close() is None",
    ],
)
def test_a_forked_child_is_refused_and_its_parent_goes_on(tmp_path, right):
    code = FORKED.replace("CHILD_IS_RIGHT", right).replace("FILES", str(FILES))
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "box")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Outbox(tmp_path / "file" / "box")


def test_a_folder_that_is_not_hers_to_write_is_said_at_once():
    code = """
import os, sys
from pathlib import Path
from endcap.outbox import Outbox
if os.getuid() == 0:
    os.setuid(65534)
try:
    Outbox(Path(sys.argv[1]))
except OSError as fault:
    print(type(fault).__name__, fault)
"""
    with tempfile.TemporaryDirectory(prefix="sealed-") as folder:  # not pytest's, which only its own account may enter
        os.chmod(folder, 0o555)
        ran = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=False)
        os.chmod(folder, 0o755)
    assert ran.stdout.startswith("OSError can't lock"), ran.stdout + ran.stderr


def test_a_folder_of_any_letters_will_do(tmp_path, clock):
    folder = tmp_path / "Käuferin № 1 " / "店%20?mode=ro#'"
    outbox = Outbox(folder, clock=clock)
    outbox.put([a_draft(1)])
    outbox.close()
    assert sorted(path.name for path in folder.iterdir()) == ["outbox.db", "outbox.lock"]
    with closing(Outbox(folder, clock=clock)) as again:
        assert numbers(again.peek("fix")) == [1]
