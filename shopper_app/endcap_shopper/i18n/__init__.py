"""The app's languages: English in the source, others from `<language>.po` beside this file, and one that is made up.

words = Words("de")
words.n("{count} coupon", "{count} coupons", 3)      # 3 Coupons
words.money(2.5)                                     # 2,50 €
"""

from __future__ import annotations

import gettext
from datetime import date as Day
from datetime import datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

from endcap_shopper.i18n.pseudo import pseudo

PSEUDO = "xx"  # every sentence half as long again and accented: what is not translated, or does not fit, is seen
LANGUAGES = ("en", "de")
FEET_PER_M = 3.2808399


class Words:
    """One language: sentences, plurals, money, dates and distances. Never changes; safe from any thread.

    `zone` is the time zone times are told in, the machine's own unless given. `feet`: distances in feet.

    Raises:
        ValueError: a language the app does not speak.
    """

    def __init__(
        self, language: str = "en", *, currency: str = "EUR", zone: tzinfo | None = None, feet: bool = False
    ) -> None:
        if language not in (*LANGUAGES, PSEUDO):
            raise ValueError(f"language is {language!r}; the app speaks {', '.join(LANGUAGES)}")
        self.language, self.currency, self.zone, self.feet = language, currency, zone, feet
        self._catalogue = catalogue(language)
        self._locale = Locale.parse("en" if language == PSEUDO else language)

    def t(self, message: str, **values: object) -> str:
        """The sentence in this language, its `{names}` filled in."""
        said = self._catalogue.gettext(message) if message else ""
        return self._filled(said, values)

    def n(self, singular: str, plural: str, count: int, **values: object) -> str:
        """The sentence for so many; `{count}` is written as this language writes numbers."""
        said = self._catalogue.ngettext(singular, plural, count)
        return self._filled(said, {"count": self.number(count), **values})

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self._locale)

    def percent(self, value: float) -> str:
        """20.0 as 20 %, with up to one decimal."""
        return format_percent(value / 100, "#,##0.#%" if self.language != "de" else "#,##0.#\xa0%", locale=self._locale)

    def money(self, amount: float, currency: str = "") -> str:
        """An amount in a currency, the shop's unless given."""
        return format_currency(amount, currency or self.currency, locale=self._locale)

    def date(self, moment: datetime) -> str:
        return format_date(self._local(moment), "medium", locale=self._locale)

    def month(self, day: Day) -> str:
        """November 2026"""
        return format_skeleton("yMMMM", day, locale=self._locale)

    def time(self, moment: datetime) -> str:
        return format_time(self._local(moment), "short", locale=self._locale)

    def moment(self, moment: datetime) -> str:
        """Day and time."""
        return format_datetime(self._local(moment), "short", locale=self._locale)

    def distance(self, metres: float) -> str:
        """How far it is: to the metre below ten, then to five, since no fix indoors knows better; never wrapped."""
        length = metres * FEET_PER_M if self.feet else metres
        rounded = round(length) if length < 10 else 5 * round(length / 5)
        if self.feet:
            said = self.t("{number} ft", number=self.number(rounded))
        elif metres >= 1000:
            said = self.t("{number} km", number=self.number(round(metres / 1000, 1)))
        else:
            said = self.t("{number} m", number=self.number(rounded))
        return said.replace(" ", "\xa0")

    def ago(self, past: timedelta) -> str:
        """5 minutes ago; just now within a minute."""
        if past < timedelta(minutes=1):
            return self.t("just now")
        return format_timedelta(-past, add_direction=True, locale=self._locale)

    def left(self, rest: timedelta) -> str:
        """How long something is still good for: 3 days, 2 hours, 5 minutes, 40 seconds."""
        return format_timedelta(max(rest, timedelta(0)), threshold=1, locale=self._locale)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def _filled(self, said: str, values: dict[str, object]) -> str:
        return said.format(**values) if values else said


def later(message: str) -> str:
    """Mark a sentence that is translated elsewhere, by `Words.t` of a variable: it only has to be found."""
    return message


def later_n(singular: str, plural: str) -> tuple[str, str]:
    """As `later`, of a sentence and its plural, for `Words.n`."""
    return singular, plural


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The sentences of a language, read once a process from its `.po` file."""
    if language == "en":
        return gettext.NullTranslations()
    if language == PSEUDO:
        return _Pseudo()
    with (files(__package__) / f"{language}.po").open("rb") as file:
        read = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class _Pseudo(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return pseudo(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo(msgid1 if n == 1 else msgid2)
