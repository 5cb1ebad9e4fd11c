"""The set as a shop: placements, floor plans and promotions of some weeks, put on the calendar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from endcap.messages import ProductPromotion, StoreProduct
from endcap_backend.retail.plans import Plan
from endcap_devkit.completejourney.data import Displayed, Journey
from endcap_devkit.completejourney.stores import Site, furnish, plan_of, segment_name, sites
from endcap_devkit.simulate.store import Store

WEEK = timedelta(days=7)
Progress = Callable[[int], None]


@dataclass(slots=True)
class Shop:
    """What is to be loaded. `live` counts product, store and week: the placements that are promoted."""

    stores: list[tuple[Site, Store]] = field(default_factory=list)
    promotions: list[ProductPromotion] = field(default_factory=list)
    live: int = 0

    def placements(self) -> Iterator[StoreProduct]:
        for _, store in self.stores:
            yield from (product for product, _ in store.products)

    def plans(self) -> list[Plan]:
        return [plan_of(site, store) for site, store in self.stores]


def shop_of(
    journey: Journey,
    weeks: range,
    begins_at: datetime,
    most_stores: int | None = None,
    progress: Progress = lambda read: None,
) -> Shop:
    """The shop of these weeks, the first of them beginning at `begins_at`; of at most so many stores.

    A promotion is of a product and a week, and holds wherever the product stands; of a single week that is exactly
    where the set has it.
    """
    articles = journey.articles(weeks)
    by_store: defaultdict[int, list[Displayed]] = defaultdict(list)
    for shown in journey.displayed(weeks, progress):
        if shown.sku in articles:
            by_store[shown.store].append(shown)
    shop = Shop()
    promoted: dict[tuple[int, int], None] = {}
    for site in sites(sorted(by_store)[:most_stores]):
        shown_here = by_store[site.number]
        shop.stores.append((site, furnish(site, shown_here, articles)))
        shop.live += len({(each.sku, each.week) for each in shown_here})  # some stand on two displays
        promoted.update(((each.week, each.sku), None) for each in shown_here)
    for week, sku in sorted(promoted):
        starts_at = begins_at + (week - weeks.start) * WEEK
        article = articles[sku]
        shop.promotions.append(
            ProductPromotion(
                pid=f"cj-{week}-{sku}",
                segment=segment_name(article.category),
                sku=sku,
                discount=article.discount,
                starts_at=starts_at,
                ends_at=starts_at + WEEK,
            )
        )
    return shop
