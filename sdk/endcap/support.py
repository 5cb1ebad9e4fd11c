"""Support: one file to send when something is wrong, with nothing in it that tells where she was or who she is."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections import deque
from copy import copy
from pathlib import Path
from typing import Any

KEPT_LINES = 300
_SECRETS = re.compile(
    r"-?\d+\.\d{3,}"  # a coordinate, or what could be one
    r"|\b[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\b"  # an id
    r"|\beyJ[\w.-]+"  # a token
    r"|\bu[0-9a-f]{16,}\b"
)


class LogTail(logging.Handler):
    """Keeps the last 300 lines of the logger "endcap", redacted as they come.

    Where nobody has set up logging, warnings go to standard error all the same, redacted, as Python does while a logger
    has no handler at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(redacted(self.format(record)))
        if logging.lastResort and record.levelno >= logging.lastResort.level and self._alone():
            logging.lastResort.handle(_redacted_record(record))

    def _alone(self) -> bool:
        """The first tail of the process, and no handler of the host's."""
        logger = logging.getLogger("endcap")
        tails = [each for each in logger.handlers if isinstance(each, LogTail)]
        hosts = len(tails) < len(logger.handlers) or (logger.propagate and logging.getLogger().hasHandlers())
        return not hosts and tails[:1] == [self]  # none: taken off by another thread meanwhile


def _redacted_record(record: logging.LogRecord) -> logging.LogRecord:
    found = copy(record)
    found.msg, found.args = redacted(logging.Formatter().format(record)), None
    found.exc_info = found.exc_text = found.stack_info = None  # the text has them
    return found


def redacted(text: str) -> str:
    """The text with everything replaced that looks like a coordinate, an id or a token."""
    return _SECRETS.sub("#", text)


def write_bundle(path: Path, snapshot: dict[str, Any], tail: LogTail) -> None:
    """Write a zip: diagnostics, the log's tail, and the machine's kind.

    Raises:
        OSError: it can't be written.
    """
    import platform  # these two cost more to import than the whole SDK may
    import zipfile

    fixes = {**snapshot["fixes"], "inside": len(snapshot["fixes"]["inside"])}  # a fence's name is a place too
    machine = {"python": sys.version, "system": platform.platform(), "machine": platform.machine()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("diagnostics.json", redacted(json.dumps({**snapshot, "fixes": fixes}, indent=1)))
        bundle.writestr("log.txt", "\n".join(tail.lines))
        bundle.writestr("machine.json", json.dumps(machine, indent=1))
