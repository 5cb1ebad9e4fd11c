"""GermanSample: the made-up shopper, whose shop and list speak German, for pictures and tests of the screens."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from endcap_shopper.sample import SampleShopper

GERMAN = {
    # the store
    "Produce": "Obst & Gemüse", "Bakery": "Bäckerei", "Dairy": "Molkerei", "Coffee & tea": "Kaffee & Tee",
    "Snacks": "Knabbereien", "Home": "Haushalt", "Main door": "Haupteingang",
    # near her
    "You're in Riverside": "Du bist im Riverside",
    "2 things on your list are within 30\xa0m": "2 Dinge von deiner Liste sind keine 30\xa0m weit",
    "One of them is cheaper today.": "Eines davon ist heute günstiger.",
    "Espresso beans, 1 kg": "Espressobohnen, 1 kg",
    "It is on your list, and members pay less today.": "Steht auf deiner Liste, und Mitglieder zahlen heute weniger.",
    "12\xa0m · Coffee & tea": "12\xa0m · Kaffee & Tee", "Ends tonight at 21:00": "Endet heute um 21:00 Uhr",
    "Aged Gouda, 2 for 1": "Alter Gouda, 2 für 1", "You stand beside it.": "Du stehst davor.", "2 for 1": "2 für 1",
    "28\xa0m · Dairy": "28\xa0m · Molkerei", "2 days left": "Noch 2 Tage", "Lemons, net of 6": "Zitronen, Netz zu 6",
    "It goes with your Gold coupon.": "Passt zu deinem Gold-Coupon.", "34\xa0m · Produce": "34\xa0m · Obst & Gemüse",
    "Sourdough loaf": "Sauerteigbrot", "41\xa0m · Bakery": "41\xa0m · Bäckerei", "3 hours left": "Noch 3 Stunden",
    "The one on your list is sold out here; this one is fresh.":
        "Das von deiner Liste ist hier ausverkauft; dieses ist frisch.",
    "Location on": "Standort an",
    # her list
    "Coffee & tea · 12\xa0m · deal": "Kaffee & Tee · 12\xa0m · Angebot", "Oat milk": "Haferdrink",
    "Dairy · 26\xa0m": "Molkerei · 26\xa0m", "The barista one": "Den für Baristas", "Lemons": "Zitronen",
    "Produce · 34\xa0m · cheaper since yesterday": "Obst & Gemüse · 34\xa0m · seit gestern günstiger",
    "Tell me at €1.50": "Sag’s mir bei 1,50 €", "Desk lamp Lumen": "Schreibtischlampe Lumen",
    "Not sold in Riverside": "Nicht im Riverside", "Aged Gouda": "Alter Gouda", "Got it already": "Habe ich schon",
    "Write the first thing above.": "Schreib oben das erste hinein.",
    "€11.25": "11,25 €", "€15.00": "15,00 €", "€3.80": "3,80 €", "€1.69": "1,69 €", "€1.99": "1,99 €",
    "€29.00": "29,00 €", "€6.40": "6,40 €", "€3.20": "3,20 €",
    # the map
    "Espresso beans": "Espressobohnen",
    "Espresso beans · stop\xa01\xa0of\xa03": "Espressobohnen · Halt\xa01\xa0von\xa03",
    "Straight on for 15\xa0m, then right to Espresso beans.": "15\xa0m geradeaus, dann rechts zu Espressobohnen.",
    # coupons
    "Members only, once a visit": "Nur für Mitglieder, einmal je Besuch",
    "Everything from the bakery": "Alles aus der Bäckerei", "6 days left": "Noch 6 Tage",
    "Pasta, any shape": "Nudeln jeder Form", "3 for 2": "3 für 2", "12 days left": "Noch 12 Tage",
    "The cheapest one is free": "Die günstigste ist umsonst", "Takes €6.40 off": "Spart 6,40 €",
    "From €30": "Ab 30 €", "−€5.00": "−5,00 €", "8 days left": "Noch 8 Tage",
    "Not with other offers on cheese": "Nicht mit anderem für Käse",
    "Aged Gouda takes off more, and the two don't go together.": "Alter Gouda spart mehr, und beides geht nicht.",
    "Redeemed yesterday": "Gestern eingelöst", "Ice cream": "Eis", "−€1.00": "−1,00 €",
    "Expired on 1 Nov": "Abgelaufen am 1. Nov.", "−€6.40": "−6,40 €",
    "€24.94 instead of €31.34": "24,94 € statt 31,34 €", "New ones come every week.": "Jede Woche gibt es neue.",
    # the card
    "Your card and 2 coupons": "Deine Karte und 2 Coupons",
}  # fmt: skip


class GermanSample(SampleShopper):
    """What the main pages show is in German; what a tap asks for is that of `SampleShopper`."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return (lambda: in_german(found())) if name in _VIEWS else found


_VIEWS = ("chrome", "near_you", "store_map", "wishlist", "coupons", "card")


def in_german(view: Any) -> Any:
    """The same with every text that is known said in German."""
    if isinstance(view, str):
        return GERMAN.get(view, view)
    if isinstance(view, tuple):
        return tuple(in_german(each) for each in view)
    if not is_dataclass(view) or not type(view).__module__.startswith(("endcap_shopper.views", "endcap_shopper.floor")):
        return view
    told = {each.name: getattr(view, each.name) for each in fields(view) if each.init}
    changed = {name: new for name, old in told.items() if (new := in_german(old)) != old}
    return replace(view, **changed) if changed else view  # type: ignore[type-var]
