"""Shopper: the whole app without a window. It keeps what the screens show, and does what a tap asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, tzinfo
from pathlib import Path

from endcap import LocationSource, Transport
from endcap.clock import Clock
from endcap_shopper import views
from endcap_shopper.ground import Post
from endcap_shopper.parts import Parts
from endcap_shopper.platform.ports import Platform, read_link
from endcap_shopper.reasons import prepare
from endcap_shopper.taps import Taps

EVERY_S = {"help": 5.0, "list": 10.0, "note": 10.0, "page": 15.0, "ending": 600.0}  # what a tick sees to, and how often


class Shopper(Taps):
    """`views.Intents` on the real thing: wallet, SDK, the shop's backend, the machine.

    Every method is called on one thread, the window's, and returns within a frame; `post` has something called there
    from any other thread. `folder` is the app's own; the SDK's is in it. `source` locates her. `lite_url` is where the
    shop's lite page is: who has no app reads a shared list there.

    Raises:
        BadConfig: the backend's address can't be one, or another process has the wallet open.
        OSError: the folder can't be made or written.
    """

    def __init__(
        self,
        backend_url: str,
        folder: Path,
        source: LocationSource,
        platform: Platform,
        post: Post,
        *,
        currency: str = "EUR",
        lite_url: str = "",
        allow_http: bool = False,
        transport: Transport | None = None,
        clock: Clock | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        super().__init__(
            Parts(
                backend_url, folder, source, platform, post, currency=currency, lite_url=lite_url,
                allow_http=allow_http, transport=transport, clock=clock, zone=zone,
            )
        )  # fmt: skip
        self._link_page: views.Page | None = None
        self._link_deal = ""
        self._done_s: dict[str, float] = {}
        self._closed = False

    def start(self) -> None:
        self.words.left(timedelta(minutes=1))  # Babel reads a language's units now, and not between two offers
        prepare()
        self.parts.alerts.name_channels()
        links = self._ground.platform.links
        links.watch(lambda link: self._ground.post(lambda: self._open(link)))
        first = links.take_first()
        self.parts.account.start()
        self.parts.errands.start()
        self.entered(self.page)
        if first:
            self._open(first)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.parts.close()

    def pause(self) -> None:
        self.parts.alerts.visible = False
        self._ground.platform.brightness.restore()
        self._ground.platform.speech.stop()

    def resume(self) -> None:
        self.parts.alerts.visible = True
        self.parts.account.network_back()
        self.parts.errands.wake()
        self.parts.again()
        self.parts.fetching.help()
        self.entered(self.page)

    def tick(self) -> None:
        state = self._ground.state
        state.now = self._ground.now()
        self.parts.arrivals.take_fix()
        if state.settings.paused_until is not None and not state.paused:
            self.parts.account.resume()
        if state.undo is not None and state.now >= state.undo.until:
            state.undo = None
            self._ground.tell(None)
        self.parts.outcomes.count_waiting()
        if not state.listening and self._due("help"):
            self.parts.fetching.help()
        if self._due("note"):
            self.parts.account.note_sent()
        if self._due("list"):
            self.parts.catalogue.follow(self.page)
        if self._due("page"):
            self.parts.looking.refresh(self.page)
        if self._due("ending"):
            self.parts.alerts.ending()
        if self.page == "card":
            self.parts.fetching.code()
        self._ground.tell(self.page)

    def watch(self, changed: Callable[[views.Page | None], None]) -> None:
        self._ground.watchers.append(changed)

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until nothing of the app's own runs on another thread; for tests."""
        return self.parts.until_idle(timeout_s)

    @property
    def page(self) -> views.Page:
        """The page she looks at."""
        return self.parts.looking.page

    def entered(self, page: views.Page) -> None:
        self.parts.looking.entered(page)

    def left(self, page: views.Page) -> None:
        self.parts.looking.left(page)

    def asked_page(self) -> views.Page | None:
        """The page a link or a notification asked for, once."""
        page, self._link_page = self._link_page, None
        return page

    def asked_deal(self) -> views.DealCard | None:
        """The offer a link or a notification asked for, once; None when it is over."""
        id, self._link_deal = self._link_deal, ""
        return next((deal for deal in self.near_you().deals if deal.id == id), None) if id else None

    def looked_at(self, on: bool) -> None:
        self.parts.alerts.visible = on

    def _open(self, link: str) -> None:
        """Go where a link leads."""
        found = read_link(link)
        if found is None:
            return
        what, value = found
        if what == "mute":
            self.mute_today(True)
        elif what == "offer":
            self._link_deal, self._link_page = value, "near"  # the window asks for the page first
            self.open_deal(value)
        elif value in views.PAGES:
            self._link_deal, self._link_page = "", next(page for page in views.PAGES if page == value)
        self._ground.tell(None)

    def _due(self, what: str) -> bool:
        now_s = self._ground.clock.monotonic()
        if now_s - self._done_s.get(what, float("-inf")) < EVERY_S[what]:
            return False
        self._done_s[what] = now_s
        return True
