"""Tokens: the colours, sizes and times everything is drawn with. Plain data; `theme.py` brings them to the window."""

from __future__ import annotations

from dataclasses import dataclass, fields

TYPE_DP = {"display": 30.0, "headline": 22.0, "title": 17.0, "body": 16.0, "small": 14.0, "label": 12.5}
SPACE_DP = 8.0  # every gap is a multiple of half of it
TOUCH_DP = 48.0  # what a finger hits without looking, by WCAG 2.5.5 and Material
RADIUS_DP = {"card": 20.0, "tile": 14.0, "field": 14.0}
MOTION_S = {"quick": 0.12, "calm": 0.24}

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme. `ink` is read on grounds, `x_ink` is read on `x`; `line` is never read."""

    ground: str
    card: str
    ink: str
    quiet: str
    line: str
    bar: str
    brand: str
    brand_ink: str
    brand_quiet: str  # second to `brand_ink`, on `brand`
    soft: str
    soft_ink: str
    accent: str  # captions of buttons that have no ground
    deal: str
    warning: str
    warning_ink: str
    warned: str  # a warning's text on a ground or card
    gold: str
    gold_ink: str
    section: str
    section_ink: str
    lit: str  # the section she goes to
    lit_ink: str
    way: str
    dot: str
    stale: str
    shade: str = "#00000066"  # over what a sheet covers
    paper: str = "#ffffff"  # behind codes, in every theme
    bars: str = "#000000"


LIGHT = Colours(
    ground="#fafaf0", card="#f0f3e8", ink="#1a1c16", quiet="#4b5045", line="#c9cebf", bar="#eceee2",
    brand="#44673b", brand_ink="#ffffff", brand_quiet="#dcefd3", soft="#c5efb6", soft_ink="#0f2a08", accent="#355a2c",
    deal="#a3291a", warning="#ffe08d", warning_ink="#3b2b00", warned="#7a4b00", gold="#f7efb0", gold_ink="#39330a",
    section="#dbe7d0", section_ink="#2f402a", lit="#c5efb6", lit_ink="#0f2a08", way="#44673b", dot="#1a73e8",
    stale="#7c8076",
)  # fmt: skip

DARK = Colours(
    ground="#12140e", card="#1e211a", ink="#e6e7db", quiet="#c0c5b5", line="#43483d", bar="#1a1d16",
    brand="#2a4d23", brand_ink="#f1fbea", brand_quiet="#cfe5c6", soft="#35552d", soft_ink="#d6f5ca", accent="#a9d39b",
    deal="#ffb4a4", warning="#5a4300", warning_ink="#ffe7ad", warned="#f3c55b", gold="#4b4413", gold_ink="#fbf2b8",
    section="#262c21", section_ink="#cbd5c1", lit="#35552d", lit_ink="#d6f5ca", way="#a9d39b", dot="#7fb0ff",
    stale="#9a9f92", shade="#000000a0",
)  # fmt: skip

CONTRAST = Colours(
    ground="#000000", card="#000000", ink="#ffffff", quiet="#ffffff", line="#ffffff", bar="#000000",
    brand="#ffeb3b", brand_ink="#000000", brand_quiet="#000000", soft="#ffffff", soft_ink="#000000", accent="#ffeb3b",
    deal="#ffb4a4", warning="#ffeb3b", warning_ink="#000000", warned="#ffeb3b", gold="#ffffff", gold_ink="#000000",
    section="#1c1c1c", section_ink="#ffffff", lit="#ffeb3b", lit_ink="#000000", way="#ffeb3b", dot="#6ec6ff",
    stale="#bdbdbd", shade="#000000d0",
)  # fmt: skip

THEMES = {"light": LIGHT, "dark": DARK, "contrast": CONTRAST}

READ_ON = (  # every text of the app and what is behind it
    ("ink", "ground"), ("ink", "card"), ("ink", "bar"), ("quiet", "ground"), ("quiet", "card"), ("quiet", "bar"),
    ("brand_ink", "brand"), ("brand_quiet", "brand"), ("soft_ink", "soft"), ("accent", "ground"), ("accent", "card"),
    ("accent", "bar"), ("deal", "ground"), ("deal", "card"), ("warning_ink", "warning"), ("warned", "ground"),
    ("warned", "card"), ("gold_ink", "gold"), ("section_ink", "section"), ("lit_ink", "lit"), ("ground", "ink"),
    ("bars", "paper"),
)  # fmt: skip


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2.2, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def names() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Colours))


def rgb(colour: str) -> Rgb:
    """The colour's three parts, 0 to 1."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
