"""Taps: what she asks for on a screen, handed to the part that does it."""

from __future__ import annotations

from datetime import time
from typing import Any

from endcap import Purpose
from endcap.geo import LatLon
from endcap_shopper import views
from endcap_shopper.settings import tomorrow
from endcap_shopper.showing import Showing
from endcap_shopper.walking import ClickSource


class Taps(Showing):
    """What a tap does of `views.Intents`. On the window's thread; each returns within a frame."""

    def undo(self) -> None:
        undo, self._ground.state.undo = self._ground.state.undo, None
        if undo is not None:
            undo.back()
        self._ground.tell(None)

    # Near you

    def open_deal(self, id: str) -> None:
        found = self._ground.state.inbox.get(id)
        if found is not None:
            self.parts.looking.report("opened", found.alert)
            self._ground.platform.notifier.cancel(id)
            if found.alert.sku is not None:
                self.show_alternatives(found.alert.sku)

    def clip_deal(self, id: str) -> None:
        self.parts.clipping.clip_offer(id)

    def dismiss_deal(self, id: str) -> None:
        state = self._ground.state
        found = state.inbox.get(id)
        if found is not None:
            state.inbox = state.inbox.without(id)
            self._ground.wallet.mark_offers(dismissed=[found.subject])
            self._ground.platform.notifier.cancel(id)
            self._ground.tell("near", None)

    def mute_today(self, muted: bool) -> None:
        self._ground.set(muted_until=tomorrow(self._ground.now()) if muted else None)
        self._ground.tell(None)

    # Store map

    def choose_store(self, id: str) -> None:
        self._ground.set(store=id)
        self.parts.looking.refresh("map")
        self.parts.guiding.route()
        self._ground.tell("map", "wishlist", "near")

    def walk_to(self, point: LatLon) -> None:
        if isinstance(self.parts.source, ClickSource):
            self.parts.source.walk_to(point)

    def got_it(self, item: str) -> None:
        self.parts.listing.finish(item, True)

    def speak_step(self) -> None:
        step = self.store_map().step
        if step:
            state = self._ground.state
            state.can_speak = self._ground.platform.speech.say(step, self.words.language)
            self._ground.tell("map")

    # Wishlist

    def suggest(self, text: str) -> None:
        self.parts.listing.suggest(text)

    def add_wish(self, text: str, sku: int | None = None) -> None:
        self.parts.listing.add(text, sku)

    def finish_wish(self, id: str, done: bool) -> None:
        self.parts.listing.finish(id, done)

    def set_quantity(self, id: str, quantity: int) -> None:
        self.parts.listing.quantity(id, quantity)

    def set_note(self, id: str, note: str) -> None:
        self.parts.listing.note(id, note)

    def set_price_alert(self, id: str, price: float | None) -> None:
        self.parts.listing.price_alert(id, price)

    def move_wish(self, id: str, place: int) -> None:
        self.parts.listing.move(id, place)

    def remove_wish(self, id: str) -> None:
        self.parts.listing.remove(id)

    def sort_by_aisle(self, on: bool) -> None:
        self.parts.listing.sort_by_aisle(on)

    def share_wishlist(self) -> None:
        self.parts.listing.share()

    def end_share(self) -> None:
        self.parts.listing.end_share()

    def copy_text(self, text: str) -> None:
        self._ground.platform.sharing.share(text, self.words.t("My list"))

    # Coupons, help, alternatives

    def clip(self, id: str) -> None:
        self.parts.clipping.clip(id)

    def unclip(self, id: str) -> None:
        self.parts.clipping.unclip(id)

    def set_auto_clip(self, on: bool) -> None:
        self.parts.clipping.set_auto(on)

    def ask_help(self, item: str = "", text: str = "") -> None:
        self.parts.calling.ask(item, text)

    def cancel_help(self) -> None:
        self.parts.calling.cancel()

    def show_alternatives(self, sku: int) -> None:
        state = self._ground.state
        state.original, state.alternatives = sku, None
        if state.known:
            self.parts.catalogue.alternatives(sku)
        self._ground.tell("alternatives", "help")

    def take_alternative(self, sku: int) -> None:
        product = self._ground.state.products.get(sku)
        self.parts.listing.add(product.name if product else f"#{sku}", sku)

    # Privacy, settings, first run

    def set_purpose(self, id: str, on: bool) -> None:
        state = self._ground.state
        if id not in set(Purpose):
            return
        if not state.settings.first_run_done:
            state.chosen = state.chosen | {id} if on else state.chosen - {id}
            self._ground.tell("first")
            return
        self.parts.account.agree(state.granted | {id} if on else state.granted - {id}, "privacy page")

    def pause_sharing(self, how_long: views.Pause) -> None:
        self.parts.account.pause(how_long)

    def resume_sharing(self) -> None:
        self.parts.account.resume()

    def export_data(self) -> None:
        state = self._ground.state
        mine = {"list": [each.to_json() for each in state.wishes.items], "settings": state.settings.to_json()}
        sent = [
            {"what": each.what, "count": each.count, "at": each.at.isoformat()} for each in self._ground.wallet.sent()
        ]
        self.parts.account.export({"app": {**mine, "sent": sent}})

    def delete_data(self) -> None:
        self.parts.account.delete()

    def set_theme(self, theme: views.Theme) -> None:
        self._set_look(theme=theme)

    def set_language(self, language: str) -> None:
        self._set_look(language=language)

    def set_text_scale(self, scale: float) -> None:
        self._set_look(text_scale=scale)

    def set_reduced_motion(self, on: bool) -> None:
        self._set_look(reduced_motion=on)

    def set_feet(self, on: bool) -> None:
        self._set_look(feet=on)

    def set_quiet_hours(self, on: bool, start: time, end: time) -> None:
        self._ground.set(quiet_on=on, quiet_from=start, quiet_until=end)
        self.parts.preferring.tell()
        self._ground.tell("settings")

    def set_alert_kind(self, kind: str, on: bool) -> None:
        off = self._ground.state.settings.kinds_off
        self._ground.set(kinds_off=off - {kind} if on else off | {kind})
        self.parts.preferring.tell()
        self._ground.tell("settings")

    def finish_first_run(self) -> None:
        state = self._ground.state
        self._ground.set(first_run_done=True)
        if state.chosen:
            self.parts.account.agree(state.chosen, "first run")
        if "promotions" in state.chosen:
            self._ground.platform.notifier.ask_permission()
        self._ground.tell(None)

    def _set_look(self, **changes: Any) -> None:
        self._ground.set(**changes)
        state = self._ground.state
        if {"language", "feet"} & changes.keys():
            state.words = self.parts.words()
        if "language" in changes:
            self.parts.alerts.name_channels()
        self._ground.tell(None)
