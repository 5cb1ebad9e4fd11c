"""The page's sentences, one JSON catalogue a language; English is the one all others are held to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from werkzeug.datastructures import LanguageAccept

LANGUAGES = ("en", "de", "ar")
RIGHT_TO_LEFT = ("ar",)
PSEUDO = "en-XA"  # English that is longer and accented, by ?lang=en-XA: what is not so was forgotten
_ACCENTED = str.maketrans("aeiouAEIOUcnsyCNSY", "áéíóúÁÉÍÓÚçñšýÇÑŠÝ")


@cache
def sections(language: str) -> Mapping[str, Mapping[str, str]]:
    """A language's sentences: what the `page` says, what its `script` says, and what stands on a printed `sheet`."""
    if language == PSEUDO:
        return {name: {key: _pseudo(text) for key, text in section.items()} for name, section in sections("en").items()}
    text = resources.files("endcap_lite").joinpath("words", f"{language}.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = json.loads(text)
    return found


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of a language by name."""
    return {name: text for section in sections(language).values() for name, text in section.items()}


def best_language(asked: str | None, accepted: LanguageAccept) -> str:
    """The language to answer in: the one asked for by `?lang=`, else the browser's best of ours, else English."""
    if asked in (*LANGUAGES, PSEUDO):
        return asked
    return accepted.best_match(LANGUAGES) or "en"


def direction(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def settings_help(user_agent: str) -> str:
    """The name of the sentence that says how to allow location in this browser. Only a help text hangs on it."""
    if any(device in user_agent for device in ("iPhone", "iPad", "iPod")):
        return "help_ios"
    return "help_android" if "Android" in user_agent else "help_desktop"


def _pseudo(text: str) -> str:
    """Accents outside of {placeholders}, and a third more length."""
    parts = re.split(r"({\w+})", text)
    accented = "".join(part if part.startswith("{") else part.translate(_ACCENTED) for part in parts)
    return f"[{accented}{'~' * (len(text) // 3)}]"
