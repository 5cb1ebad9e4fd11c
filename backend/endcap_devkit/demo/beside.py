"""Where the demo is, for what is started beside it: a file of settings in the cache folder, there while it runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from endcap_devkit.maven import cache_dir

SETTINGS = {"ENDCAP_BACKEND_URL": "backend", "ENDCAP_LITE_URL": "lite"}  # of the shopper's app -> the demo's part


class Beside:
    """`demo.env`, which a shell reads; what is set there already stays. What a demo left that was
    killed says so and sets nothing. The demo that started last is told of, and after it the one before that still runs.

    Who can't write the cache folder has a demo without it: a convenience is no reason to fail.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_dir() / "demo.env"
        self._text = ""
        self._before = ""  # of the demo that was told of before this one

    def tell(self, links: Mapping[str, str]) -> None:
        lines = (f': "${{{name}:={links[part]}}}"; export {name}\n' for name, part in SETTINGS.items())
        told = "".join(lines)
        gone = "The demo that this was about is gone (it was killed): start make demo again. Without it, no network."
        # a zombie takes signals, too; where there is no /proc, nothing says that it is one
        lives = f"kill -0 {os.getpid()} 2>/dev/null && ! grep -qs '^State:.Z' /proc/{os.getpid()}/status"
        self._text = f'if {lives}; then\n{told}else\n  echo "{gone}" >&2\nfi\n'
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._before = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
            self._path.write_text(self._text, encoding="utf-8")

    def withdraw(self) -> None:
        """Take it away or give it back, unless another demo has started since. Idempotent."""
        with suppress(OSError):
            if not self._text or self._path.read_text(encoding="utf-8") != self._text:
                return
            if _still_runs(self._before):
                self._path.write_text(self._before, encoding="utf-8")
            else:
                self._path.unlink()


def _still_runs(text: str) -> bool:
    """Whether the demo that wrote `text` does."""
    found = re.search(r"kill -0 (\d+)", text)
    if found is None or int(found[1]) == os.getpid():
        return False
    try:
        os.kill(int(found[1]), 0)
    except OSError:
        return False
    return True
