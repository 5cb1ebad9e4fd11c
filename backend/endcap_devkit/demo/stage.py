"""What every kind of shopper reports to: it keeps the figures and tells the page."""

from __future__ import annotations

import time
from collections import defaultdict, deque

from endcap.geo import LatLon
from endcap.messages import CustomerAlert, ProductPromotion
from endcap_devkit.demo.city import City
from endcap_devkit.demo.measure import Figures, Posts
from endcap_devkit.demo.page import Page
from endcap_devkit.demo.people import People, Person, Way
from endcap_devkit.simulate.shapes import Spot

HEARD_KEPT = 20_000  # alert ids, to notice one that came twice


class Stage:
    """The people of the demo and what became of them. One thread: the demo's loop."""

    def __init__(self, city: City, promotions: list[ProductPromotion], page: Page) -> None:
        self.city, self.page = city, page
        self.people, self.figures = People(), Figures()
        self.matches: int | None = None  # what the backend found near shoppers, told or held back
        self._discounts = {promotion.pid: promotion.discount for promotion in promotions}
        self._shelves: dict[tuple[str, int], tuple[LatLon, Spot]] = {
            (store.id, product.sku): (product.point, spot) for store in city.stores for product, spot in store.products
        }
        self._places: dict[int, list[LatLon]] = defaultdict(list)
        for (_, sku), (point, _spot) in self._shelves.items():
            self._places[sku].append(point)
        self._posts: dict[int, Posts] = defaultdict(Posts)
        self._heard: deque[tuple[str, str]] = deque(maxlen=HEARD_KEPT)
        self._heard_set: set[tuple[str, str]] = set()

    def welcome(self, way: Way, spot: Spot) -> Person:
        person = self.people.welcome(way, spot)
        self.page.came(person.label())
        return person

    def leave(self, person: Person) -> None:
        self.people.leave(person)
        self._posts.pop(person.number, None)
        self.page.left(person.number)

    def posted(self, person: Person, points: list[LatLon], at_s: float | None = None) -> None:
        """She is about to send these fixes (rounded as they travel)."""
        self._posts[person.number].note(points, at_s)

    def heard(self, person: Person | None, alert: CustomerAlert, by: str) -> None:
        """An offer reached a client: `by` is "ws", "sse" or "sdk"."""
        received_s = time.monotonic()
        if not self._first_time(by, alert):
            self.figures.count("doubled")
            return
        self.figures.count("offers")
        self.figures.count(f"offers_{by}")
        if person is None:
            return
        post = self._posts[person.number].answered(alert, self._candidates(alert))
        latency_s = None if post is None else received_s - post.at_s
        if latency_s is not None and by != "sdk":  # the SDK's fixes wait for its publisher before they are posted
            self.figures.took(latency_s)
        self.page.alert(self._card(person, alert, latency_s))

    def shown(self, person: Person, alert: CustomerAlert) -> None:
        """An offer went out to a guest, whose own client the demo does not see."""
        self.page.alert(self._card(person, alert, None))

    def tell(self, now_ms: int) -> None:
        """Give the page everybody's place."""
        self.page.frame(self.people.frame(now_ms))

    def tell_figures(self) -> None:
        """Once a second."""
        self.figures.tick()
        in_stores = sum(1 for person in self.people if person.store)
        told = {"shoppers": len(self.people), "in_stores": in_stores, "matches": self.matches}
        self.page.figures({**told, **self.figures.told()})

    def visited(self, person: Person, kind: str, store_id: str) -> None:
        """Her phone noticed that she entered or left a store."""
        self.figures.count("visits", kind == "enter")
        store = self.city.store(store_id)
        name = store.premises.name if store else store_id
        self.page.visit({"number": person.number, "name": person.name, "kind": kind, "store": name})

    def _candidates(self, alert: CustomerAlert) -> list[LatLon]:
        if alert.sku is None:
            return []
        here = self._shelves.get((alert.store or "", alert.sku))
        return [here[0]] if here else self._places[alert.sku]

    def _card(self, person: Person, alert: CustomerAlert, latency_s: float | None) -> dict[str, object]:
        shelf = self._shelves.get((alert.store or "", alert.sku or -1))
        discount = self._discounts.get(alert.pid or "")
        return {
            "id": alert.id,
            "number": person.number,
            "name": person.name,
            "way": person.way,
            "kind": alert.kind,
            "title": alert.title,
            "why": self._why(alert),
            "cut": f"−{discount:g}%" if discount else None,
            "latency_ms": None if latency_s is None else round(latency_s * 1000, 2),
            "at": round(time.time() * 1000),
            "shelf": [round(shelf[1][0] * 10), round(shelf[1][1] * 10)] if shelf else None,
        }

    def _why(self, alert: CustomerAlert) -> str:
        """The alert's own words, and the store's name, which it knows only by id."""
        store = self.city.store(alert.store)
        if store is None or store.premises.name in alert.why:
            return alert.why
        return f"{alert.why.rstrip('.')}, {store.premises.name}"

    def _first_time(self, by: str, alert: CustomerAlert) -> bool:
        key = (by, alert.id)
        if key in self._heard_set:
            return False
        if len(self._heard) == self._heard.maxlen:
            self._heard_set.discard(self._heard[0])
        self._heard.append(key)
        self._heard_set.add(key)
        return True
