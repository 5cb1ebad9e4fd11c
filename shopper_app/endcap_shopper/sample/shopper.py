"""SampleShopper: what a tap changes of the sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from typing import Any

from endcap_shopper import codes
from endcap_shopper.i18n import Words
from endcap_shopper.sample.screens import SampleScreens
from endcap_shopper.views import (
    DealCard,
    Help,
    HelpStep,
    Page,
    Share,
    Undo,
    WishRow,
)


class SampleShopper(SampleScreens):
    """`views.Intents` over plain data, kept nowhere and sent to nobody. `asked` is what was tapped, in order."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        """An intent that changes nothing here; it is only noted."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *values: self._note(name, *values)

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        self._changed(None)

    def asked_page(self) -> Page | None:
        return None

    def asked_deal(self) -> DealCard | None:
        return None

    def watch(self, changed: Callable[[Page | None], None]) -> None:
        self._changed = changed

    def tick(self) -> None:
        return None

    # What a tap changes

    def clip(self, id: str) -> None:
        self._coupon(id, "clipped")
        self._note("clip", id)

    def unclip(self, id: str) -> None:
        self._coupon(id, "available")
        self._note("unclip", id)

    def clip_deal(self, id: str) -> None:
        self.deals = tuple(replace(each, coupon="clipped") if each.id == id else each for each in self.deals)
        self._note("clip_deal", id)

    def dismiss_deal(self, id: str) -> None:
        self.deals = tuple(each for each in self.deals if each.id != id)
        self._note("dismiss_deal", id)

    def set_auto_clip(self, on: bool) -> None:
        self._auto_clip = on
        self._note("set_auto_clip", on)

    def add_wish(self, text: str, sku: int | None = None) -> None:
        self.wishes = (*self.wishes, WishRow(f"n{len(self.asked)}", text, sku=sku))
        self._note("add_wish", text, sku)

    def finish_wish(self, id: str, done: bool) -> None:
        self._wish(id, done=done)
        self._note("finish_wish", id, done)

    def set_quantity(self, id: str, quantity: int) -> None:
        self._wish(id, quantity=quantity)
        self._note("set_quantity", id, quantity)

    def set_note(self, id: str, note: str) -> None:
        self._wish(id, note=note)
        self._note("set_note", id, note)

    def set_price_alert(self, id: str, price: float | None) -> None:
        self._wish(id, price_alert=price, alert_text="" if price is None else f"Tell me at €{price:.2f}")
        self._note("set_price_alert", id, price)

    def move_wish(self, id: str, place: int) -> None:
        moved = next(each for each in self.wishes if each.id == id)
        others = [each for each in self.wishes if each.id != id]
        self.wishes = (*others[:place], moved, *others[place:])
        self._note("move_wish", id, place)

    def remove_wish(self, id: str) -> None:
        self._before = self.wishes
        gone = next(each for each in self.wishes if each.id == id)
        self.wishes = tuple(each for each in self.wishes if each.id != id)
        self._undo = Undo(f"u{len(self.asked)}", f"{gone.text} is off the list.")
        self._note("remove_wish", id)

    def undo(self) -> None:
        self.wishes, self._undo = self._before, None
        self._note("undo")

    def sort_by_aisle(self, on: bool) -> None:
        self._by_aisle = on
        self._note("sort_by_aisle", on)

    def share_wishlist(self) -> None:
        link = "https://shop.example/l/7Q2F9X"
        self._share = Share("\n".join(each.text for each in self.wishes), link, codes.qr(link), "Until 1 Dec")
        self._note("share_wishlist")

    def end_share(self) -> None:
        self._share = None
        self._note("end_share")

    def got_it(self, item: str) -> None:
        self.finish_wish(item, True)

    def ask_help(self, item: str = "", text: str = "") -> None:
        steps = (
            HelpStep("Asked", True),
            HelpStep("Somebody has seen it", False, True),
            HelpStep("On the way"),
            HelpStep("Here"),
        )
        self.help_view = Help("queued", "We have told the staff", text, self.help_view.place, (), steps, False, True)
        self._note("ask_help", item, text)

    def cancel_help(self) -> None:
        self.help_view = replace(
            self.help_view, state="cancelled", headline="Cancelled", steps=(), can_ask=True, can_cancel=False
        )
        self._note("cancel_help")

    def set_purpose(self, id: str, on: bool) -> None:
        self.purposes = tuple(replace(each, on=on) if each.id == id else each for each in self.purposes)
        self._note("set_purpose", id, on)

    def set_alert_kind(self, kind: str, on: bool) -> None:
        self.kinds = tuple(replace(each, on=on) if each.id == kind else each for each in self.kinds)
        self._note("set_alert_kind", kind, on)

    def pause_sharing(self, how_long: str) -> None:
        self._paused = "Paused until 15:00"
        self.chrome_view = replace(self.chrome_view, sharing="paused", sharing_text=self._paused)
        self._note("pause_sharing", how_long)

    def resume_sharing(self) -> None:
        self._paused = ""
        self.chrome_view = replace(self.chrome_view, sharing="on", sharing_text="Location on")
        self._note("resume_sharing")

    def export_data(self) -> None:
        self._result = "Everything is in endcap-data.json."
        self._note("export_data")

    def delete_data(self) -> None:
        self._result = "Deleted. Receipt 7f3a-91."
        self._note("delete_data")

    def set_quiet_hours(self, on: bool, start: time, end: time) -> None:
        self.settings_view = replace(self.settings_view, quiet_on=on, quiet_from=start, quiet_until=end)
        self._note("set_quiet_hours", on, start, end)

    def mute_today(self, muted: bool) -> None:
        self.settings_view = replace(self.settings_view, muted_today=muted)
        self._note("mute_today", muted)

    def set_theme(self, theme: Any) -> None:
        self._wear(theme=theme)

    def set_language(self, language: str) -> None:
        self.words = Words(language)
        self._wear(language=language)

    def set_text_scale(self, scale: float) -> None:
        self._wear(text_scale=scale)

    def set_reduced_motion(self, on: bool) -> None:
        self._wear(reduced_motion=on)

    def set_feet(self, on: bool) -> None:
        self.settings_view = replace(self.settings_view, feet=on)
        self._note("set_feet", on)

    def finish_first_run(self) -> None:
        self._first_run_done = True
        self._note("finish_first_run")

    def _wear(self, **changes: Any) -> None:
        self._look = replace(self._look, **changes)
        self._note("look", changes)

    def _coupon(self, id: str, state: Any) -> None:
        self.coupon_rows = tuple(replace(each, state=state) if each.id == id else each for each in self.coupon_rows)

    def _wish(self, id: str, **changes: Any) -> None:
        self.wishes = tuple(replace(each, **changes) if each.id == id else each for each in self.wishes)
