"""A stand-in for Java: what is asked of it is written down, by its Java name."""

ASKED, INTERFACES, WORLD = set(), {}, {}
CLASSES = {}


class Java:
    """A stand-in for a Java object: what is asked of it is noted, by its Java name."""

    NAME = ""

    def __getattribute__(self, name):
        value = object.__getattribute__(self, name)
        java = object.__getattribute__(self, "NAME")
        if name.startswith("_") or name == "NAME":
            return value
        if not callable(value):
            ASKED.add((java, name, None))
            return value

        def noted(*arguments):
            ASKED.add((java, name, len(arguments)))
            return value(*arguments)

        return noted

    def __setattr__(self, name, value):
        if not name.startswith("_"):
            ASKED.add((object.__getattribute__(self, "NAME"), name, None))
        object.__setattr__(self, name, value)


class Class:
    """A stand-in for a Java class: constructors and static members."""

    def __init__(self, python):
        self._python = python

    def __call__(self, *arguments):
        ASKED.add((self._python.NAME, "<init>", len(arguments)))
        return self._python(*arguments)

    def __getattr__(self, name):
        value = getattr(self._python, name)
        if not callable(value):
            ASKED.add((self._python.NAME, name, None))
            return value

        def noted(*arguments):
            ASKED.add((self._python.NAME, name, len(arguments)))
            return value(*arguments)

        return noted


def stand_in(name):
    def add(python):
        python.NAME = name
        CLASSES[name] = Class(python)
        return python

    return add
