"""Environment: what Kivy must be told before it is first imported."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

WINDOW_DP = (412, 892)  # a common phone


def prepare(
    home: Path,
    size: tuple[int, int] = WINDOW_DP,
    *,
    density: float | None = None,
    touch_only: bool = False,
    verbose: bool = False,
) -> None:
    """Set Kivy's environment and configuration; call it before anything imports Kivy.

    `home` is where Kivy keeps its own files. `size` is the window's, in dp, on a desktop. `density`: pixels a dp,
    instead of the screen's. `touch_only`: no pointer of the machine's, as tests and pictures need it.
    `verbose`: Kivy logs more than its errors.
    """
    home.mkdir(parents=True, exist_ok=True)
    told = {"KIVY_NO_ARGS": "1", "KIVY_LOG_MODE": "PYTHON", "KIVY_NO_ENV_CONFIG": "1", "KIVY_HOME": str(home)}
    if sys.platform == "linux":
        told["KIVY_CLIPBOARD"] = "sdl2"  # the others ask for programs that need not be there, and complain
    if density is not None:
        told["KIVY_METRICS_DENSITY"] = str(density)
    os.environ.update(told)
    level = logging.INFO if verbose else logging.ERROR
    logging.getLogger("kivy").addFilter(lambda record: record.levelno >= level and _worth_reading(record))
    from kivy.config import Config

    scale = density or 1.0
    Config.set("graphics", "width", str(round(size[0] * scale)))
    Config.set("graphics", "height", str(round(size[1] * scale)))
    Config.set("graphics", "multisamples", "0")  # shapes have smooth edges of their own; this took half of a frame
    Config.set("kivy", "exit_on_escape", "0")  # the app goes back a page first
    for provider in list(Config.options("input")):
        Config.remove_option("input", provider)  # the window's own is enough: no devices to search for
    if not touch_only:
        Config.set("input", "mouse", "mouse,disable_multitouch")


def _worth_reading(record: logging.LogRecord) -> bool:
    """Not the traceback about programs for X11's second clipboard, which nobody needs."""
    return "Cutbuffer" not in record.getMessage()
