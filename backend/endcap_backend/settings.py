"""A setting, declared once: its switch, its environment variable, its default, its bounds and its line of help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, cast

from endcap.errors import BadConfig

PREFIX = "ENDCAP_"
T = TypeVar("T")
Read = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """How one field of a settings class is set. A secret has no switch of its own: command lines are seen by all."""

    name: str
    help: str
    default: Any
    read: Read
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    secret: bool

    @property
    def switch(self) -> str:
        """`--user-fixes-per-s`; of a secret the file's: `--ably-key-file`."""
        return "--" + self.name.replace("_", "-") + ("-file" if self.secret else "")

    @property
    def variable(self) -> str:
        """`ENDCAP_USER_FIXES_PER_S`; a secret is also read from the file that `…_FILE` names."""
        return PREFIX + self.name.upper()

    @property
    def shown(self) -> str:
        """The default as it would be typed; empty for a secret, and where leaving it out is the default."""
        if self.secret or self.default in ("", None, ()):
            return ""
        if isinstance(self.default, tuple):
            return ",".join(self.default)
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def parse(self, text: str) -> Any:
        """The value for a text from a command line or the environment.

        Raises:
            BadConfig: names the setting, and says what it takes.
        """
        try:
            value = self.read(text.strip())
        except ValueError:
            raise BadConfig(self.name, f"must be {self._allowed()}, not {text!r}") from None
        return self.checked(value)

    def checked(self, value: Any) -> Any:
        """The value itself, when it is within bounds; raises as `parse`."""
        low, high = self.minimum, self.maximum
        if (
            (self.choices and value not in self.choices)
            or (low is not None and value < low)
            or (high is not None and value > high)
        ):
            raise BadConfig(self.name, f"must be {self._allowed()}, not {str(value)!r}")
        return value

    def _allowed(self) -> str:
        if self.choices:
            return f"one of {', '.join(each or 'empty' for each in self.choices)}"
        what, low, high = _ARTICLES.get(self.read, "a value"), self.minimum, self.maximum
        if low is not None and high is not None:
            return f"{what} from {low:g} to {high:g}"
        return what if low is None else f"{what}, {low:g} or more"


def setting(
    help: str,
    default: Any = MISSING,
    *,
    read: Read = str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """A dataclass field that is a setting."""
    facts = {"help": help, "read": read, "minimum": minimum, "maximum": maximum, "choices": choices, "secret": secret}
    return field(default=default, metadata={"setting": facts}, repr=not secret)


def settings_of(cls: type[Any]) -> list[Setting]:
    """The settings a dataclass declares, in order."""
    declared: tuple[Field[Any], ...] = fields(cls)
    return [
        Setting(name=each.name, default=each.default, **each.metadata["setting"])
        for each in declared
        if "setting" in each.metadata
    ]


def add_switches(parser: argparse.ArgumentParser, cls: type[Any], only: Collection[str] | None = None) -> None:
    """A switch for each setting of `cls`, or those of the names in `only`; its help names the variable and default."""
    parser.allow_abbrev = False  # --ably-key would pass for --ably-key-file, and a key for a path that is shown
    for each in settings_of(cls):
        if only is not None and each.name not in only:
            continue
        what = f"{each.help} ({'file that holds it; or ' if each.secret else ''}{each.variable}"
        shown = f", default {each.shown}" if each.shown else ""
        metavar = f"{{{','.join(filter(None, each.choices))}}}" if each.choices else _METAVARS.get(each.read, "TEXT")
        parser.add_argument(each.switch, dest=each.name, metavar=metavar, help=f"{what}{shown})")


def read_settings(cls: type[T], args: argparse.Namespace, environ: Mapping[str, str]) -> T:
    """Settings from switches, where they are given, then from the environment, then the defaults.

    Raises:
        BadConfig: names the switch or the variable at fault, whichever was used.
    """
    found: dict[str, Any] = {}
    try:
        for each in settings_of(cls):
            text = _secret(each, args, environ) if each.secret else _text(each, args, environ)
            if text is not None:
                found[each.name] = each.parse(text)
        return cls(**found)
    except BadConfig as fault:
        names = {each.name: _given_by(each, args, environ) for each in settings_of(cls)}
        raise BadConfig(names.get(fault.setting, fault.setting), fault.reason) from None


def _given_by(each: Setting, args: argparse.Namespace, environ: Mapping[str, str]) -> str:
    if getattr(args, each.name, None) is not None:
        return each.switch
    file = f"{each.variable}_FILE"
    if each.secret and environ.get(file):
        return file
    return each.variable if each.variable in environ else f"{each.switch} or {each.variable}"


def _text(each: Setting, args: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    given = getattr(args, each.name, None)
    return environ.get(each.variable) if given is None else cast(str, given)


def _secret(each: Setting, args: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    path = getattr(args, each.name, None) or environ.get(f"{each.variable}_FILE")
    if not path:
        return environ.get(each.variable)
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise BadConfig(each.name, f"the file {path} can't be read: {fault}") from None


def whole(text: str) -> int:
    """A whole number, as a setting reads it."""
    return int(text)


def number(text: str) -> float:
    """A number, as a setting reads it."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


def words(text: str) -> tuple[str, ...]:
    """Texts separated by commas or blanks."""
    return tuple(text.replace(",", " ").split())


_ARTICLES: dict[Read, str] = {whole: "a whole number", number: "a number"}
_METAVARS: dict[Read, str] = {whole: "N", number: "NUMBER", Path: "PATH", words: "LIST"}
