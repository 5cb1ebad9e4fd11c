"""Layout: each module's `.kv` lies beside it and is read once, as UTF-8."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder


def load(module_file: str) -> None:
    """Read the rules beside a module; again is nothing."""
    path = Path(module_file).with_suffix(".kv")
    if str(path) not in Builder.files:
        Builder.load_string(path.read_text("utf-8"), filename=str(path))
