"""Listing: what a tap does to her list. Each edit is kept at once, told in its turn, and can be taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from endcap_shopper.catalogue import Catalogue
from endcap_shopper.errands import Errands
from endcap_shopper.fetching import Fetching
from endcap_shopper.ground import Ground
from endcap_shopper.guiding import Guiding
from endcap_shopper.wishlist import MAX_NOTE, MAX_TEXT, Item, Wishlist, clean

MAX_QUANTITY = 999
MAX_PRICE = 1e6
SUGGEST_FROM = 2  # letters


class Listing:
    """On the window's thread."""

    def __init__(
        self, ground: Ground, catalogue: Catalogue, fetching: Fetching, guiding: Guiding, errands: Errands
    ) -> None:
        self._ground, self._catalogue, self._fetching = ground, catalogue, fetching
        self._guiding, self._errands = guiding, errands

    def suggest(self, text: str) -> None:
        state, text = self._ground.state, clean(text, MAX_TEXT)
        state.searched = text
        if len(text) < SUGGEST_FROM:
            state.suggestions = ()
            self._catalogue.end_search()
            self._ground.tell("wishlist")
            return
        known = [each for each in state.products.values() if text.casefold() in each.name.casefold()]
        state.suggestions = tuple(known[:6])
        self._ground.tell("wishlist")
        if state.known:
            self._catalogue.suggest(text)

    def add(self, text: str, sku: int | None = None) -> None:
        state, product = self._ground.state, None
        if sku is not None:
            product = state.products.get(sku)
        text = clean(text, MAX_TEXT) or (product.name if product else "")
        if text:
            segment = product.segment if product else None
            item = Item(id=uuid4().hex, text=text, changed_at=self._ground.now(), sku=sku, segment=segment)
            state.suggestions, state.searched = (), ""
            self._catalogue.end_search()
            self._become(state.wishes.added(item), state.words.t("{item} added", item=text))
            self._catalogue.wanted()

    def finish(self, id: str, done: bool) -> None:
        words = self._ground.state.words
        self._change(id, words.t("{item} is in the basket") if done else words.t("{item} is open again"), done=done)

    def quantity(self, id: str, quantity: int) -> None:
        self._change(id, "", quantity=max(1, min(MAX_QUANTITY, quantity)))

    def note(self, id: str, note: str) -> None:
        self._change(id, "", note=clean(note, MAX_NOTE) or None)

    def price_alert(self, id: str, price: float | None) -> None:
        sensible = price is not None and 0 <= price <= MAX_PRICE
        self._change(id, "", price_alert=round(price, 2) if price is not None and sensible else None)

    def move(self, id: str, place: int) -> None:
        state = self._ground.state
        if not state.settings.by_aisle:
            self._become(state.wishes.moved(id, place, self._ground.now()), "")

    def remove(self, id: str) -> None:
        self._change(id, self._ground.state.words.t("{item} removed"), removed=True)

    def sort_by_aisle(self, on: bool) -> None:
        self._ground.set(by_aisle=on)
        self._ground.tell("wishlist")

    def share(self) -> None:
        state = self._ground.state
        state.sharing, state.share = True, None
        if state.known:
            self._fetching.share()
        self._ground.tell("wishlist")

    def end_share(self) -> None:
        self._ground.state.sharing = False
        self._ground.tell("wishlist")

    def _change(self, id: str, said: str, **fields: Any) -> None:
        state = self._ground.state
        item = state.wishes.get(id)
        if item is not None and replace(item, **fields) != item:
            self._become(state.wishes.changed(id, self._ground.now(), **fields), said.format(item=item.text))

    def _become(self, wishes: Wishlist, said: str) -> None:
        """Take an edit over, with a way back where `said` names it."""
        state = self._ground.state
        before, state.wishes = state.wishes, wishes
        edited = wishes.differing(before)
        if not edited:
            return
        self._ground.wallet.edit_wishes(edited, self._ground.now())
        self._errands.wake()
        self._guiding.route()
        self._ground.tell("wishlist", "map", "near")
        if said:
            self._ground.offer_undo(said, lambda: self._become(self._undone(before), ""))

    def _undone(self, before: Wishlist) -> Wishlist:
        return self._ground.state.wishes.undo_to(before, self._ground.now())
