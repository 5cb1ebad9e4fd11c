"""Says which of the members in a file Android's framework does not have. Run by test_platform.py, which sets the class
path: pyjnius starts one JVM a process."""

import json
import sys
from pathlib import Path

from jnius import JavaException, autoclass

asked = json.loads(Path(sys.argv[1]).read_text())
loader = autoclass("java.lang.ClassLoader").getSystemClassLoader()
modifier = autoclass("java.lang.reflect.Modifier")
LETTERS = {"int": "I", "void": "V", "boolean": "Z", "long": "J", "float": "F"}


def fits(executable, count):
    types = executable.getParameterTypes()
    return len(types) == count or (executable.isVarArgs() and count >= len(types) - 1)


def lacking(name, member, count):
    try:
        found = loader.loadClass(name)
    except JavaException:
        return f"{name}: no such class"
    if member == "<init>":
        ok = any(fits(each, count) for each in found.getConstructors())
    elif count is None:
        ok = any(each.getName() == member for each in found.getFields())
    else:
        ok = any(each.getName() == member and fits(each, count) for each in found.getMethods())
    return None if ok else f"{name}.{member} with {count} arguments"


def unimplemented(interface, ours):
    found = loader.loadClass(interface.replace("/", "."))
    for method in found.getMethods():
        types = "".join(LETTERS.get(each.getName(), "?") for each in method.getParameterTypes())
        signature = f"({types}){LETTERS.get(method.getReturnType().getName(), '?')}"
        if modifier.isAbstract(method.getModifiers()) and [method.getName(), signature] not in ours:
            yield f"{interface}.{method.getName()}{signature} is not implemented"


faults = [fault for each in asked["members"] if (fault := lacking(*each))]
faults += [fault for interface, ours in asked["interfaces"].items() for fault in unimplemented(interface, ours)]
print(json.dumps(faults))
