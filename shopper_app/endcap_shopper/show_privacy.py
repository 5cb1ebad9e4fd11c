"""What privacy, settings and the first run show."""

from __future__ import annotations

from endcap_shopper.i18n import LANGUAGES, Words, later, later_n
from endcap_shopper.state import State
from endcap_shopper.views import Choice, FirstRun, Look, Privacy, Purpose, SentRow, Settings

PURPOSES = {
    "location": (
        later("Where you are in the store"),
        later("For offers at the shelf you stand at, and your dot on the map. Only while you are in or near a store."),
    ),
    "promotions": (
        later("Offers for you"),
        later("You hear of deals near you and of what is on your list. At most three in a visit."),
    ),
    "analytics": (
        later("Which offers you looked at"),
        later("So that the shop learns which offers are worth your while."),
    ),
}
KINDS = {
    "deal": (later("Deals near you"), later("A product beside you is reduced.")),
    "wanted": (later("Your list"), later("Something on your list is near, or has become cheaper.")),
    "alternative": (later("Alternatives"), later("Something else does the same for less, or is still in stock.")),
    "help": (later("Help"), later("Somebody answers your call. This comes in your quiet hours too.")),
}
_NAMES = {"en": "English", "de": "Deutsch"}  # each in itself, so that who can't read the other finds it
_SENT = {
    "clip": later_n("Coupon clipped", "{count} coupons clipped"),
    "unclip": later_n("Coupon let go", "{count} coupons let go"),
    "wish": later_n("A change of your list", "{count} changes of your list"),
    "help": later_n("A call for help", "{count} calls for help"),
    "cancel_help": later_n("A call for help taken back", "{count} calls for help taken back"),
    "preferences": later_n("When you want to hear of offers", "{count} times when you want to hear of offers"),
    "fixes": later_n("A position or visit", "{count} positions and visits"),
}


def privacy(state: State) -> Privacy:
    until = state.settings.paused_until
    return Privacy(
        purposes=purposes(state, state.granted),
        paused=state.words.time(until) if state.paused and until is not None else "",
        can_pause="location" in state.granted,
        sent=tuple(
            SentRow(str(line.sequence), _what(line.what, line.count, state.words), state.words.moment(line.at))
            for line in state.sent
        ),
        result=state.result,
        busy=state.busy,
    )


def settings(state: State) -> Settings:
    chosen, t = state.settings, state.words.t
    return Settings(
        look=look(state),
        languages=tuple(Choice(each, _NAMES[each], each == state.words.language) for each in LANGUAGES),
        feet=chosen.feet,
        quiet_on=chosen.quiet_on,
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
        kinds=tuple(
            Purpose(kind, t(title), t(why), kind not in chosen.kinds_off) for kind, (title, why) in KINDS.items()
        ),
        muted_today=state.muted,
        shop=state.backend_url,
        version=state.version,
    )


def look(state: State) -> Look:
    chosen = state.settings
    return Look(chosen.theme, chosen.text_scale, chosen.reduced_motion, state.words.language)


def first_run(state: State) -> FirstRun:
    return FirstRun(purposes(state, state.chosen), state.settings.first_run_done)


def purposes(state: State, on: frozenset[str]) -> tuple[Purpose, ...]:
    t = state.words.t
    return tuple(Purpose(id, t(title), t(why), id in on) for id, (title, why) in PURPOSES.items())


def _what(what: str, count: int, words: Words) -> str:
    if what not in _SENT:
        return what
    return words.n(*_SENT[what], count)
