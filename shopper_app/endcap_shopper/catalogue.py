"""Catalogue: what the app knows of products: those she wants, is offered, looks for or could take instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from endcap.geo import LatLon
from endcap_shopper.asking import Asking
from endcap_shopper.following import OpenList
from endcap_shopper.goods import Product
from endcap_shopper.ground import Ground
from endcap_shopper.guiding import Guiding
from endcap_shopper.shop import Shop, alternatives_path, search_path
from endcap_shopper.views import Page

LOOKED_UP = 15  # things of her list that are looked up at once
SUGGESTED = 6
PRODUCTS_KEPT = 300


class Catalogue:
    """Every method is called on the window's thread and returns at once."""

    def __init__(self, ground: Ground, shop: Shop, asking: Asking, guiding: Guiding) -> None:
        self._ground, self._shop, self._asking, self._guiding = ground, shop, asking, guiding
        self._offered: set[int] = set()  # what was looked up, known to the shop or not
        self._alternatives = OpenList("alternatives", shop, asking)
        self._suggestions = OpenList("suggest", shop, asking, quick=True)
        self.on_prices: Callable[[], None] = lambda: None

    def again(self) -> None:
        """Forget what the shop did not know of."""
        self._offered.clear()

    def wanted(self) -> None:
        """Look up what is on her list: price, stock and place in this store."""
        state = self._ground.state
        texts = [item.text for item in state.wishes.wanted][:LOOKED_UP]
        near, store = self._near(), state.store
        if texts:
            key = f"products:{store}:{hash(tuple(sorted(texts)))}"
            self._asking.when_due(key, lambda: self._look_up(texts, near, store), self._have_products)

    def offered(self) -> None:
        """Look up what she is offered and is not known yet: where it stands, and what it costs."""
        state = self._ground.state
        told = {card.alert.sku: card.alert.store for card in state.inbox.at(state.now).cards}
        seen = state.products.keys() | self._offered
        unknown = {sku: store for sku, store in told.items() if sku is not None and sku not in seen}
        wanted = dict(list(unknown.items())[-LOOKED_UP:])
        if wanted and state.known:
            self._offered |= wanted.keys()
            self._asking.ask("offered", lambda: self._look_up_skus(wanted), self._have_offered)

    def alternatives(self, sku: int) -> None:
        """Look for what may take a product's place."""
        self._alternatives.open(
            lambda: alternatives_path(sku, near=self._near(), store=self._ground.state.store),
            lambda found: self._have_alternatives(sku, found),
        )

    def suggest(self, text: str) -> None:
        """Look for products of that name."""
        self._suggestions.open(
            lambda: search_path(text, near=self._near(), store=self._ground.state.store, limit=SUGGESTED),
            lambda found: self._have_suggestions(text, found),
        )

    def follow(self, page: Page) -> None:
        """Ask whether the list that is open on a page has changed: stock, prices, shelves, promotions."""
        opened = {"alternatives": self._alternatives, "wishlist": self._suggestions}.get(page)
        if opened is not None and self._ground.state.known:
            opened.again()

    def end_search(self) -> None:
        self._suggestions.close()

    def _have_products(self, found: dict[str, tuple[Product, ...]]) -> None:
        state = self._ground.state
        for text, products in found.items():
            for product in products:
                state.products[product.sku] = product
            if products:
                state.matches[text.casefold()] = products[0].sku
        self._ground.keep("matches", state.matches)
        self._forget_the_oldest()
        self._ground.keep("products", [_product_json(each) for each in state.products.values()])
        self._guiding.route()
        self.on_prices()
        self._ground.tell("wishlist", "map", "near")

    def _have_offered(self, found: tuple[Product, ...]) -> None:
        """Not kept in the wallet for themselves: in a flood of offers that would be all its thread does."""
        self._ground.state.products |= {product.sku: product for product in found}
        self._forget_the_oldest()
        self._ground.tell("near")

    def _have_alternatives(self, sku: int, found: tuple[Product, ...]) -> None:
        state = self._ground.state
        state.products |= {product.sku: product for product in found if product.sku not in state.products}
        if state.original == sku:
            state.alternatives = found
            self._ground.tell("alternatives")

    def _have_suggestions(self, text: str, found: tuple[Product, ...]) -> None:
        state = self._ground.state
        if state.searched == text:
            state.suggestions = found
            state.products |= {product.sku: product for product in found}
            self._ground.tell("wishlist")

    def _look_up(self, texts: list[str], near: LatLon | None, store: str) -> dict[str, tuple[Product, ...]]:
        return {text: self._shop.products(text, near=near, store=store, limit=3) for text in texts}

    def _look_up_skus(self, wanted: dict[int, str | None]) -> tuple[Product, ...]:
        found = (self._shop.products(str(sku), store=store or "", limit=3) for sku, store in wanted.items())
        return tuple(product for products in found for product in products if product.sku in wanted)

    def _near(self) -> LatLon | None:
        here = self._ground.state.located
        return here.point if here is not None and "location" in self._ground.state.granted else None

    def _forget_the_oldest(self) -> None:
        products = self._ground.state.products
        while len(products) > PRODUCTS_KEPT:
            del products[next(iter(products))]


def _product_json(product: Product) -> dict[str, Any]:
    promotion = {"promotion": product.promotion.to_json()} if product.promotion else {}
    return product.to_json() | promotion
