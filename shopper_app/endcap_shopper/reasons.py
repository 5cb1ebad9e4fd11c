"""Reasons: the shop's own sentences, read into their parts and said in her language.

The shop writes English: "Dark roast: 20 % off, about 12 steps from you in Coffee". What it can write is the grammar
below, a template for each wording; the names in braces are parts, which are wordings themselves or something written:

said("20 % off, right beside you", Words("de"))      # 20 % Rabatt, gleich neben dir
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from endcap_shopper.i18n import FEET_PER_M, Words, later

_ITEM = later("Item {sku}")
_STEPS, _NEAR = later("about {steps} steps from you"), later("near you")
_INSTEAD, _BRIEFLY = "{offer}, {stock}, {away}", "{offer}, {stock}"

GRAMMAR: dict[str, tuple[str, ...]] = {
    "title": (later("Need help?"), _ITEM),
    "reason": (
        later("You have looked around in {section} for a while. Ask, and somebody comes to you"),
        later("You have looked around for a while. Ask, and somebody comes to you"),
        later("{gone} is out of stock; this is {segment} too, {saving}, {where}"),
        "{product}: {worth}, {where}",
        "{worth}, {where}",
        _INSTEAD,
    ),
    "product": (_ITEM, "{name}"),
    "gone": (_ITEM, "{name}"),
    "worth": (
        later("On your list, your coupon, {off}"),
        later("Your coupon, {off}"),
        later("On your list, now {price}, you asked for {asked}"),
        later("On your list, {off}"),
        later("On your list"),
        later("{off}, and you hold a coupon"),
        later("On promotion, and you hold a coupon"),
        later("On promotion"),
        "{off}",
    ),
    "off": (later("{percent} % off"), later("{amount} off"), later("{n} for the price of {m}")),
    "saving": (later("{amount} less"), later("at the same price")),
    "where": (later("{place} in {section}"), "{place}"),
    "place": (_STEPS, later("right beside you"), _NEAR),
    "offer": (
        later("Also {segment}, {amount} less than {product}"),
        later("Also {segment}, at the same price"),
        later("Also {segment}"),
    ),
    "stock": (later("{count} in stock"), later("in stock")),
    "away": (later("about {length} away in {section}"), later("about {length} away")),
}
_MONEY, _COUNT, _TEXT = r"\d+\.\d\d (?:€|£|\$|[A-Z]{3})", r"\d+", r"(?s:.+)"
WRITTEN = {
    "price": _MONEY, "asked": _MONEY, "amount": _MONEY,
    "percent": r"\d+(?:\.\d+)?(?:e-\d+)?", "steps": _COUNT, "count": _COUNT, "n": _COUNT, "m": _COUNT,
    "length": r"\d+ ft", "sku": _COUNT, "section": _TEXT, "segment": _TEXT, "name": _TEXT,
}  # fmt: skip
_SHORTER = {_STEPS: _NEAR, _INSTEAD: _BRIEFLY}  # where the way is told beside it: one unit on a card, hers
_CURRENCIES = {"€": "EUR", "£": "GBP", "$": "USD"}  # of the signs the shop writes; others come as their code
_NAMES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence of the shop: its wording, and what was written for each name in it."""

    template: str
    parts: Mapping[str, Reason | str]

    def said(self, words: Words, *, way_told: bool = False) -> str:
        """The sentence in her language. `way_told`: the distance stands beside it, so that it is left out here."""
        template = _SHORTER.get(self.template, self.template) if way_told else self.template
        parts = {
            name: part.said(words, way_told=way_told) if isinstance(part, Reason) else _form(name, part, words)
            for name, part in self.parts.items()
        }
        only_joins = not any(map(str.isalpha, _NAMES.sub("", template)))
        return template.format(**parts) if only_joins else words.t(template, **parts)


def read(sentence: str, what: str = "reason") -> Reason | None:
    """A sentence in its parts, `what` it is by the grammar; None when the shop has found new words."""
    for template in GRAMMAR[what]:
        match = _compiled(template).fullmatch(sentence)
        if match is not None:
            return Reason(template, {name: _part(name, written) for name, written in match.groupdict().items()})
    return None


def said(sentence: str, words: Words, *, way_told: bool = False, what: str = "reason") -> str:
    """A sentence of the shop in her language, as `Reason.said`; one that is not known as it came."""
    found = read(sentence, what)
    return sentence if found is None else found.said(words, way_told=way_told)


def prepare() -> None:
    """Compile every wording now, 7 ms, and not in the frame of the first offer."""
    for wordings in GRAMMAR.values():
        for template in wordings:
            _compiled(template)


def _part(name: str, written: str) -> Reason | str:
    return (read(written, name) or written) if name in GRAMMAR else written


def _form(name: str, written: str, words: Words) -> str:
    """Something written, as her language writes it; in English as it came, which is the shop's own language."""
    if name == "length":
        return words.distance(int(written.split()[0]) / FEET_PER_M)
    if words.language == "en" or name == "sku" or WRITTEN[name] == _TEXT:
        return written
    if WRITTEN[name] == _MONEY:
        amount, unit = written.split()
        return words.money(float(amount), _CURRENCIES.get(unit, unit))
    return words.number(float(written))


@cache
def _compiled(template: str) -> re.Pattern[str]:
    return re.compile(_pattern(template, "(?P<{name}>{pattern})"))


def _pattern(template: str, group: str = "(?:{pattern})") -> str:
    """What matches a wording; names of its parts' parts are their own affair."""
    parts = _NAMES.split(template)  # text, name, text, name, ... text
    return "".join(
        group.format(name=part, pattern=_any(part)) if at % 2 else re.escape(part) for at, part in enumerate(parts)
    )


def _any(name: str) -> str:
    return WRITTEN.get(name) or "|".join(map(_pattern, GRAMMAR[name]))
