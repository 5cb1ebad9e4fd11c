"""A child that does not outlive its parent: `python -m endcap_devkit.demo.leash MODULE ARGS...`.

The parent holds the other end of standard input. When it closes, however the parent ended (kill -9 included), the
child is told to stop as by Ctrl-C's sober cousin, SIGTERM, and killed if it does not.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

GRACE_S = 8.0  # for a clean end after SIGTERM


def main(argv: list[str]) -> None:
    module, *sys.argv[1:] = argv
    line, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the module itself reads nothing
    threading.Thread(target=_watch, args=(line,), name="leash", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(line: int) -> None:
    """Block until the parent is gone, then end this process."""
    while os.read(line, 1):
        pass
    killer = threading.Timer(GRACE_S, os._exit, (1,))
    killer.daemon = True
    killer.start()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
