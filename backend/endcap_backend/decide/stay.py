"""What a shopper does in the store, as her phone tells it: the section she is in, and what she took up there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from endcap.messages import CustomerEvent

MOST_LOOKED_AT = 4  # products she opened a card of, the latest; older ones no longer matter to her
RESULTS = ("opened", "clipped", "redeemed", "help")  # who did one of these has found something, or asked by herself


@dataclass(frozen=True, slots=True)
class Stay:
    """One visit so far. `section` is the part of the store she is in; None: none that is fenced."""

    store: str | None = None
    section: str | None = None
    entered_ms: int = 0  # the section
    dwelled: bool = False  # her phone said that she lingers there
    result: bool = False  # she has taken something up since
    looked_at: tuple[int, ...] = ()  # SKUs, the latest first

    def after(self, event: CustomerEvent, at_ms: int) -> Stay:
        """The same visit once an event has happened; one that says nothing of a section changes nothing."""
        if event.kind in RESULTS:
            return self._taken_up(event)
        store, _, section = (event.fence or "").partition("/")
        if not section:
            return self
        if event.kind == "enter":
            return replace(self, store=store, section=section, entered_ms=at_ms, dwelled=False, result=False)
        if (store, section) != (self.store, self.section):
            return self if event.kind == "exit" else Stay(store, section, at_ms, True, False, self.looked_at)
        if event.kind == "dwell":
            return replace(self, dwelled=True)
        return replace(self, section=None, dwelled=False) if event.kind == "exit" else self

    def lingers(self, at_ms: int, after_s: float) -> bool:
        """Whether she has been in one section for `after_s`, or so long as her phone calls it a dwell, in vain."""
        if self.section is None or self.result or not after_s:
            return False
        return self.dwelled or at_ms - self.entered_ms >= after_s * 1000

    def _taken_up(self, event: CustomerEvent) -> Stay:
        looked_at = self.looked_at
        if event.kind == "opened" and event.sku is not None:
            others = (sku for sku in looked_at if sku != event.sku)
            looked_at = (event.sku, *others)[:MOST_LOOKED_AT]
        return replace(self, result=True, looked_at=looked_at)


NO_STAY = Stay()
