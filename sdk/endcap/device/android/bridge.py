"""The bridge to Java: pyjnius, which python-for-android brings, and the app or service we run in."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

try:
    from jnius import JavaException, PythonJavaClass, autoclass, cast, java_method
except ModuleNotFoundError as fault:
    raise ModuleNotFoundError(
        "endcap.device.android needs pyjnius: add it to the requirements of your buildozer.spec", name=fault.name
    ) from fault

S, T, UPSIDE_DOWN_CAKE = 31, 33, 34  # API levels: Android 12, 13, 14
Q, R = 29, 30  # 10, 11


@cache
def java(name: str) -> Any:
    """A Java class by its name."""
    return autoclass(name)


def context() -> Any:
    """The service we run in, when we run in one (a process of its own), else the app's activity."""
    if "PYTHON_SERVICE_ARGUMENT" in os.environ:
        return java("org.kivy.android.PythonService").mService
    return java("org.kivy.android.PythonActivity").mActivity


def api_level() -> int:
    return int(java("android.os.Build$VERSION").SDK_INT)


def service(of: Any, name: str, kind: str) -> Any:
    """A system service, as the class it is."""
    return cast(kind, of.getSystemService(name))


def is_refusal(fault: BaseException) -> bool:
    """True for Java's SecurityException: a permission is missing."""
    return getattr(fault, "classname", "") == "java.lang.SecurityException"


__all__ = ["JavaException", "PythonJavaClass", "api_level", "context", "is_refusal", "java", "java_method", "service"]
