"""The page's sentences, one JSON catalogue a language; English is the one all others are held to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

from werkzeug.datastructures import LanguageAccept

LANGUAGES = ("en",)
RIGHT_TO_LEFT = ("ar",)

# what lite.js says itself; everything else the server writes
SCRIPTED = (
    "again", "alternative", "asking", "away", "bad_code", "blind", "claimed", "claimed_none", "deal", "help", "looking",
    "lost", "new", "offline", "offline_none", "refused", "sharing", "slow", "stop_failed", "stopped", "until", "vague",
    "wanted",
)  # fmt: skip


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of one of `LANGUAGES`, by name."""
    text = resources.files("endcap_lite").joinpath("words", f"{language}.json").read_text(encoding="utf-8")
    words: dict[str, str] = json.loads(text)
    return words


def scripted(language: str) -> dict[str, str]:
    """The sentences that the script needs, for the page to carry."""
    words = catalogue(language)
    return {name: words[name] for name in SCRIPTED}


def best_language(asked: str | None, accepted: LanguageAccept) -> str:
    """The language to answer in: the one asked for by `?lang=`, else the browser's best of ours, else English."""
    if asked in LANGUAGES:
        return asked
    return accepted.best_match(LANGUAGES) or "en"


def direction(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def settings_help(user_agent: str) -> str:
    """The name of the sentence that says how to allow location in this browser. Only a help text hangs on it."""
    if any(device in user_agent for device in ("iPhone", "iPad", "iPod")):
        return "help_ios"
    return "help_android" if "Android" in user_agent else "help_desktop"
