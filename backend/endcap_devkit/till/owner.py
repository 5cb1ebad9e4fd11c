"""Which process of a till has a purchase in hand: a file beside the drawer, locked as long as that process lives."""

from __future__ import annotations

import fcntl
import secrets
from pathlib import Path

from endcap.errors import BadMessage


class Owner:
    """One process at the drawer, by a name that is never used again.

    Raises:
        BadMessage: the file can't be made.
    """

    def __init__(self, drawer: Path) -> None:
        self._drawer = drawer
        self.name = secrets.token_hex(8)
        path = self._path(self.name)
        unlocked = path.with_suffix(".new")
        try:
            self._file = unlocked.open("w", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            unlocked.rename(path)  # under its name only now: whoever sees it finds it locked
            self._sweep()
        except OSError as fault:
            raise BadMessage("drawer", f"{path} can't be made: {fault}") from None

    def lives(self, name: str) -> bool:
        """Whether the process of that name is still there. The system lets go of its lock however it ends."""
        path = self._path(name)
        try:
            with path.open(encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        self._path(self.name).unlink(missing_ok=True)
        self._file.close()

    def _sweep(self) -> None:
        """Away with the files of those that were killed."""
        for path in self._drawer.parent.glob(f"{self._drawer.name}.*.owner"):
            self.lives(path.name.split(".")[-2])

    def _path(self, name: str) -> Path:
        return self._drawer.with_name(f"{self._drawer.name}.{name}.owner")
