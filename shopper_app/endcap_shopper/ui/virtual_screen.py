"""VirtualScreen: an X server that draws into memory, for windows nobody looks at."""

from __future__ import annotations

import os
import subprocess
from typing import Self


class VirtualScreen:
    """An Xvfb on a display number of its own, named `display`.

    Raises:
        FileNotFoundError: there is no Xvfb on this machine.
        RuntimeError: it did not start.
    """

    def __init__(self, width: int = 1400, height: int = 2000) -> None:
        told, tell = os.pipe()
        screen = ["-displayfd", str(tell), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"]
        try:
            self._server = subprocess.Popen(["Xvfb", *screen], pass_fds=[tell], stderr=subprocess.DEVNULL)
        finally:
            os.close(tell)
        with os.fdopen(told) as line:
            number = line.readline().strip()
        if not number:
            raise RuntimeError(f"Xvfb ended with code {self._server.wait()} before it had a display")
        self.display = f":{number}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.kill()
        self._server.wait()
