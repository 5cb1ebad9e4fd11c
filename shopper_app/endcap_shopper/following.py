"""Following: a list of products she looks at is asked for again, and taken in when it has changed."""

from __future__ import annotations

from collections.abc import Callable

from endcap_shopper.asking import Asking
from endcap_shopper.goods import Product
from endcap_shopper.shop import Listed, Shop


class OpenList:
    """One such list. On the window's thread; what the shop is asked goes out on a lane of `asking`."""

    def __init__(self, key: str, shop: Shop, asking: Asking, *, quick: bool = False) -> None:
        self._key, self._shop, self._asking, self._quick = key, shop, asking, quick
        self._path: Callable[[], str] | None = None
        self._have: Callable[[tuple[Product, ...]], None] = lambda products: None
        self._etag = ""

    def open(self, path: Callable[[], str], have: Callable[[tuple[Product, ...]], None]) -> None:
        """Ask for another list: `path` says what is asked for each time, since she moves; `have` hears each answer."""
        self._path, self._have, self._etag = path, have, ""
        self.again()

    def close(self) -> None:
        """Ask no more, and hear no answer that is on its way."""
        self._path = None

    def again(self) -> None:
        """Ask whether it has changed."""
        path = self._path
        if path is not None:
            asked, etag = path(), self._etag
            self._asking.ask(
                self._key,
                lambda: self._shop.listed(asked, etag),
                lambda found: self._came(path, found),
                quick=self._quick,
            )

    def _came(self, path: Callable[[], str], found: Listed | None) -> None:
        if found is not None and path is self._path:  # else another list was opened meanwhile
            self._etag = found.etag
            self._have(found.products)
