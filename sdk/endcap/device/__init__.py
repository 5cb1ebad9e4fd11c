"""Where fixes come from: one contract, and an adapter for each device, imported only when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from endcap.errors import NotPermitted
from endcap.fences import Geofence
from endcap.messages import Fix
from endcap.presets import Resolution

if TYPE_CHECKING:  # what `__getattr__` gives, by type
    from endcap.device import android as android
    from endcap.device import ios as ios
    from endcap.device import plyer as plyer
    from endcap.device import replay as replay

ADAPTERS = ("android", "ios", "plyer", "replay")
SourceStatus = Literal["running", "searching", "off", "denied", "ended"]
OnFix = Callable[[Fix], None]
OnStatus = Callable[[SourceStatus], None]


class LocationSource(Protocol):
    """Hands over fixes. A source that keeps a time of its own, such as a replay, offers it as `clock`."""

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        """Begin; from now on both callbacks may come, on any thread, until `stop` has returned.

        "running": fixes come; "searching": none for now; "off": location services are off; "denied": no permission;
        "ended": there will be no more.

        Raises:
            NotPermitted: the OS does not let us; ask the shopper, then start again.
        """
        ...

    def tune(self, resolution: Resolution) -> None:
        """Ask for another rate and precision, before or after `start`; a source that can't goes on as it is."""
        ...

    def stop(self) -> None:
        """End; no callback comes after it has returned. Idempotent, and `start` may follow."""
        ...


@runtime_checkable
class SleepingSource(LocationSource, Protocol):
    """A source that the OS can wake: it sleeps at no cost until she has left the spot."""

    def sleep_until_moved(self, radius_m: float) -> None:
        """Look no more until she has moved by about `radius_m`, then go on as tuned last."""
        ...


class FenceRegistrar(Protocol):
    """The OS's own geofences: they wake the app, and tell roughly. `endcap.device.android.AndroidFences` is one."""

    slots: int  # how many it watches, the bubble included

    def watch(self, fences: Iterable[Geofence]) -> None:
        """Watch these too; one of the same id replaces the one before.

        Raises:
            NotPermitted: the OS does not let us.
        """
        ...

    def unwatch(self, fence_ids: Iterable[str]) -> None:
        """Watch these no longer; an id that is not watched does no harm."""
        ...


class NoSource:
    """Nothing located: the host feeds fixes by `Endcap.feed`, or the shopper scans signs."""

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        on_status("searching")

    def tune(self, resolution: Resolution) -> None:
        return None

    def stop(self) -> None:
        return None


def pick() -> LocationSource:
    """The best source of the machine this runs on: Android's, iOS's, else plyer's where it has one, else none.

    Raises:
        ModuleNotFoundError: the device needs an extra that is not installed; the text says which.
    """
    if "ANDROID_ARGUMENT" in os.environ or hasattr(sys, "getandroidapilevel"):
        return _load("endcap.device.android", "AndroidSource")
    if sys.platform == "ios":
        return _load("endcap.device.ios", "IosSource")
    if sys.platform == "darwin":
        return _load("endcap.device.plyer", "PlyerSource")
    return NoSource()


def _load(module: str, name: str) -> LocationSource:
    source: LocationSource = getattr(importlib.import_module(module), name)()
    return source


def __getattr__(name: str) -> object:
    """The adapters as attributes, each imported when it is first named: `endcap.device.replay.ReplaySource`."""
    if name in ADAPTERS:
        return importlib.import_module(f"endcap.device.{name}")
    raise AttributeError(f"module 'endcap.device' has no attribute {name!r}")


__all__ = [
    "FenceRegistrar",
    "LocationSource",
    "NoSource",
    "NotPermitted",
    "OnFix",
    "OnStatus",
    "SleepingSource",
    "SourceStatus",
    "pick",
]
