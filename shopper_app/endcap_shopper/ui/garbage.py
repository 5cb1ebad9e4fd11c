"""When Python looks for garbage: not while the window is made, and never again through what stays with the app."""

from __future__ import annotations

import gc


def hold() -> None:
    """Look for none: what is made now is kept."""
    gc.disable()


def settle() -> None:
    """Look for it from now on, but not in what there is: that cost 50 to 150 ms at a time, in the middle of frames."""
    gc.freeze()
    gc.enable()


def release() -> None:
    """The app has ended, and all it had may go."""
    gc.unfreeze()
    gc.enable()
