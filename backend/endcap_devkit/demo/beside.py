"""Where the demo is, for what is started beside it: a file of settings in the cache folder, there while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from endcap_devkit.maven import cache_dir

SETTINGS = {"ENDCAP_BACKEND_URL": "backend", "ENDCAP_LITE_URL": "lite"}  # of the shopper's app -> the demo's part


class Beside:
    """`demo.env`, which a shell reads; what is set there already stays. The demo that started last is told of.

    Who can't write the cache folder has a demo without it: a convenience is no reason to fail.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or cache_dir() / "demo.env"
        self._text = ""

    def tell(self, links: Mapping[str, str]) -> None:
        lines = (f': "${{{name}:={links[part]}}}"; export {name}\n' for name, part in SETTINGS.items())
        self._text = "".join(lines)
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(self._text, encoding="utf-8")

    def withdraw(self) -> None:
        """Take it away, unless another demo has started since. Idempotent."""
        with suppress(OSError):
            if self._text and self._path.read_text(encoding="utf-8") == self._text:
                self._path.unlink()
