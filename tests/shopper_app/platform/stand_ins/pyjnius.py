"""pyjnius and python-for-android over the stand-ins: import it before anything that imports either."""

import sys
from types import ModuleType

from stand_ins.java import CLASSES, INTERFACES, WORLD
from stand_ins.keystore import JavaException


class PythonJavaClass:
    def __init__(self):
        methods = [value.__java__ for value in vars(type(self)).values() if hasattr(value, "__java__")]
        for interface in type(self).__javainterfaces__:
            INTERFACES[interface] = methods


def java_method(signature, name=None):
    def mark(function):
        function.__java__ = (name or function.__name__, signature)
        return function

    return mark


class Events:
    """python-for-android's `android.activity`."""

    def bind(self, on_new_intent):
        WORLD["new intent"] = on_new_intent


jnius = ModuleType("jnius")
jnius.autoclass = CLASSES.__getitem__
jnius.cast = lambda kind, value: value
jnius.JavaException, jnius.PythonJavaClass, jnius.java_method = JavaException, PythonJavaClass, java_method
sys.modules["jnius"] = jnius
sys.modules["android.activity"] = Events()
