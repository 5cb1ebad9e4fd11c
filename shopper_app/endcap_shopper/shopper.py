"""Shopper: the whole app without a window. It keeps what the screens show, and does what a tap asks for."""

from __future__ import annotations

import locale
import logging
from collections.abc import Callable, Mapping
from datetime import time, tzinfo
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

from endcap import ClientState, Config, CustomerAlert, Endcap, Fix, LocationSource, Purpose, Transport, inline
from endcap.clock import Clock, SystemClock
from endcap.errors import EndcapError, Refused
from endcap.geo import LatLon
from endcap.transports.api import Api
from endcap_shopper import views
from endcap_shopper.account import Account
from endcap_shopper.alerts import Alerts
from endcap_shopper.calling import Calling
from endcap_shopper.clipping import Clipping
from endcap_shopper.errands import Errands
from endcap_shopper.fetching import PAGES_OF, Fetching
from endcap_shopper.ground import SETTINGS, Ground, Post, words_for
from endcap_shopper.i18n import Words
from endcap_shopper.listing import Listing
from endcap_shopper.memory import remember
from endcap_shopper.platform.ports import Platform, read_link
from endcap_shopper.reading import each_of
from endcap_shopper.settings import AppSettings, tomorrow
from endcap_shopper.shop import HelpCall, Shop
from endcap_shopper.show_coupons import card, coupons, points
from endcap_shopper.show_help import alternatives, help_page
from endcap_shopper.show_list import wishlist
from endcap_shopper.show_map import store_map
from endcap_shopper.show_near import chrome, near_you
from endcap_shopper.show_privacy import first_run, look, privacy, settings
from endcap_shopper.state import Here, State
from endcap_shopper.tokens import Tokens
from endcap_shopper.walking import ClickSource, Overheard
from endcap_shopper.wallet import Action, Wallet

log = logging.getLogger("endcap.shopper")

OFFERS_A_CALL = 50  # taken in at once, so that a flood leaves the window its frames
EVERY_S = {"help": 5.0, "note": 10.0, "page": 15.0, "ending": 600.0}  # what a tick sees to, and how often


class Shopper:
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
        config = Config(backend_url=backend_url, storage_dir=folder / "sdk", allow_http=allow_http)
        wallet = Wallet(folder)
        chosen = AppSettings.from_json(wallet.get(SETTINGS))
        self._machine_language = locale.getlocale()[0] or ""
        self._currency = currency
        heard = Overheard(source, self._fix_heard)
        clock = clock or heard.clock or SystemClock()
        words = words_for(chosen, self._machine_language, currency, zone)
        state = State(words, clock.now().astimezone(zone), chosen, backend_url=backend_url, version=_version())
        state.lite_url = lite_url
        state.can_walk = isinstance(source, ClickSource)
        self._source, self._folder = source, folder
        self._ground = Ground(state, wallet, clock, platform, post, zone)
        tokens = Tokens(platform.secrets)
        self._client = Endcap(config, heard, transport=transport, secrets=tokens, dispatcher=inline, clock=clock)
        self._shop = Shop(self._client, Api(backend_url, timeout_s=config.request_timeout_s))
        self._errands = Errands(wallet, self._shop, self._told, self._refused, clock)
        self._fetching = Fetching(self._ground, self._shop)
        self._account = Account(self._ground, self._client, folder, self._consent_changed)
        self._alerts = Alerts(self._ground)
        self._listing = Listing(self._ground, self._fetching, self._errands)
        self._clipping = Clipping(self._ground, self._errands)
        self._calling = Calling(self._ground, self._errands, self._alerts)
        self._fetching.on_help, self._fetching.on_coupons = self._calling.moved, self._clipping.clip_all
        self._fetching.on_prices = self._alerts.prices
        self._page: views.Page = "near"
        self._link_page: views.Page | None = None
        self._done_s: dict[str, float] = {}
        self._arrived: list[CustomerAlert] = []
        self._latest: Fix | None = None
        self._arrivals = Lock()
        self._closed = False
        remember(state, wallet, self._clipping, self._calling)
        self._client.on_promotion(self._offer_heard)
        self._client.on_notice(lambda notice: post(lambda: self._take_notice(notice)))
        self._client.on_state(self._state_heard)

    # Its life

    def start(self) -> None:
        self._alerts.name_channels()
        links = self._ground.platform.links
        links.watch(lambda link: self._ground.post(lambda: self._open(link)))
        first = links.take_first()
        self._account.start()
        self._errands.start()
        self.entered(self._page)
        if first:
            self._open(first)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._ground.platform.brightness.restore()
            self._fetching.close()
            self._errands.close()
            self._shop.close()
            self._account.close()
            self._ground.wallet.close()

    def pause(self) -> None:
        self._alerts.visible = False
        self._ground.platform.brightness.restore()
        self._ground.platform.speech.stop()

    def resume(self) -> None:
        self._alerts.visible = True
        self._account.network_back()
        self._errands.wake()
        self._fetching.again()
        self._fetching.help()
        self.entered(self._page)

    def tick(self) -> None:
        state = self._ground.state
        state.now = self._ground.now()
        self._take_fix()
        if state.settings.paused_until is not None and not state.paused:
            self._account.resume()
        if state.undo is not None and state.now >= state.undo.until:
            state.undo = None
            self._ground.tell(None)
        self._count_waiting()
        if not state.listening and self._due("help"):
            self._fetching.help()
        if self._due("note"):
            self._account.note_sent()
        if self._due("page"):
            self._refresh(self._page)
        if self._due("ending"):
            self._alerts.ending()
        if self._page == "card":
            self._fetching.code()
        self._ground.tell(self._page)

    def watch(self, changed: Callable[[views.Page | None], None]) -> None:
        self._ground.watchers.append(changed)

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """Block, in real time, until nothing of the app's own runs on another thread; for tests."""
        return self._account.until_idle(timeout_s) and self._fetching.until_idle(timeout_s)

    # What is shown

    @property
    def words(self) -> Words:
        return self._ground.state.words

    @property
    def page(self) -> views.Page:
        """The page she looks at."""
        return self._page

    @property
    def state(self) -> State:
        """What the views are made of; for tests, and the service."""
        return self._ground.state

    def look(self) -> views.Look:
        return look(self._ground.state)

    def chrome(self) -> views.Chrome:
        return chrome(self._ground.state)

    def near_you(self) -> views.NearYou:
        return near_you(self._ground.state)

    def store_map(self) -> views.StoreMap:
        return store_map(self._ground.state)

    def wishlist(self) -> views.Wishlist:
        return wishlist(self._ground.state)

    def coupons(self) -> views.Coupons:
        return coupons(self._ground.state)

    def card(self) -> views.Card:
        return card(self._ground.state)

    def points(self) -> views.Points:
        return points(self._ground.state)

    def help(self) -> views.Help:
        return help_page(self._ground.state)

    def alternatives(self) -> views.Alternatives:
        return alternatives(self._ground.state)

    def privacy(self) -> views.Privacy:
        self._ground.state.sent = self._ground.wallet.sent(100)
        return privacy(self._ground.state)

    def settings(self) -> views.Settings:
        return settings(self._ground.state)

    def first_run(self) -> views.FirstRun:
        return first_run(self._ground.state)

    def asked_page(self) -> views.Page | None:
        """The page a link or a notification asked for, once."""
        page, self._link_page = self._link_page, None
        return page

    def entered(self, page: views.Page) -> None:
        self._page = page
        self._ground.state.fault = ""
        if page == "card":
            self._ground.platform.brightness.full()
        if page == "help":
            self._fetching.help()
        self._refresh(page)

    def left(self, page: views.Page) -> None:
        if page == "card":
            self._ground.platform.brightness.restore()
        if page == "near":
            self._see_offers()

    def undo(self) -> None:
        undo, self._ground.state.undo = self._ground.state.undo, None
        if undo is not None:
            undo.back()
        self._ground.tell(None)

    # Near you

    def open_deal(self, id: str) -> None:
        found = self._ground.state.inbox.get(id)
        if found is not None:
            self._report("opened", found.alert)
            self._ground.platform.notifier.cancel(id)
            if found.alert.sku is not None:
                self.show_alternatives(found.alert.sku)

    def clip_deal(self, id: str) -> None:
        self._clipping.clip_offer(id)

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
        self._refresh("map")
        self._fetching.route()
        self._ground.tell("map", "wishlist", "near")

    def walk_to(self, point: LatLon) -> None:
        if isinstance(self._source, ClickSource):
            self._source.walk_to(point)

    def got_it(self, item: str) -> None:
        self._listing.finish(item, True)

    def speak_step(self) -> None:
        step = self.store_map().step
        if step:
            state = self._ground.state
            state.can_speak = self._ground.platform.speech.say(step, self.words.language)
            self._ground.tell("map")

    # Wishlist

    def suggest(self, text: str) -> None:
        self._listing.suggest(text)

    def add_wish(self, text: str, sku: int | None = None) -> None:
        self._listing.add(text, sku)

    def finish_wish(self, id: str, done: bool) -> None:
        self._listing.finish(id, done)

    def set_quantity(self, id: str, quantity: int) -> None:
        self._listing.quantity(id, quantity)

    def set_note(self, id: str, note: str) -> None:
        self._listing.note(id, note)

    def set_price_alert(self, id: str, price: float | None) -> None:
        self._listing.price_alert(id, price)

    def move_wish(self, id: str, place: int) -> None:
        self._listing.move(id, place)

    def remove_wish(self, id: str) -> None:
        self._listing.remove(id)

    def sort_by_aisle(self, on: bool) -> None:
        self._listing.sort_by_aisle(on)

    def share_wishlist(self) -> None:
        self._listing.share()

    def end_share(self) -> None:
        self._listing.end_share()

    def copy_text(self, text: str) -> None:
        self._ground.platform.sharing.share(text, self.words.t("My list"))

    # Coupons, help, alternatives

    def clip(self, id: str) -> None:
        self._clipping.clip(id)

    def unclip(self, id: str) -> None:
        self._clipping.unclip(id)

    def set_auto_clip(self, on: bool) -> None:
        self._clipping.set_auto(on)

    def ask_help(self, item: str = "", text: str = "") -> None:
        self._calling.ask(item, text)

    def cancel_help(self) -> None:
        self._calling.cancel()

    def show_alternatives(self, sku: int) -> None:
        state = self._ground.state
        state.original, state.alternatives = sku, None
        if state.known:
            self._fetching.alternatives(sku)
        self._ground.tell("alternatives", "help")

    def take_alternative(self, sku: int) -> None:
        product = self._ground.state.products.get(sku)
        self._listing.add(product.name if product else f"#{sku}", sku)

    # Privacy, settings, first run

    def set_purpose(self, id: str, on: bool) -> None:
        state = self._ground.state
        if id not in set(Purpose):
            return
        if not state.settings.first_run_done:
            state.chosen = state.chosen | {id} if on else state.chosen - {id}
            self._ground.tell("first")
            return
        self._account.agree(state.granted | {id} if on else state.granted - {id}, "privacy page")

    def pause_sharing(self, how_long: views.Pause) -> None:
        self._account.pause(how_long)

    def resume_sharing(self) -> None:
        self._account.resume()

    def export_data(self) -> None:
        state = self._ground.state
        mine = {"list": [each.to_json() for each in state.wishes.items], "settings": state.settings.to_json()}
        sent = [
            {"what": each.what, "count": each.count, "at": each.at.isoformat()} for each in self._ground.wallet.sent()
        ]
        self._account.export({"app": {**mine, "sent": sent}})

    def delete_data(self) -> None:
        self._account.delete()

    def set_theme(self, theme: views.Theme) -> None:
        self._set_look(theme=theme)

    def set_language(self, language: str) -> None:
        self._set_look(language=language)

    def set_text_scale(self, scale: float) -> None:
        self._set_look(text_scale=scale)

    def set_reduced_motion(self, on: bool) -> None:
        self._set_look(reduced_motion=on)

    def set_quiet_hours(self, on: bool, start: time, end: time) -> None:
        self._ground.set(quiet_on=on, quiet_from=start, quiet_until=end)
        self._ground.tell("settings")

    def set_alert_kind(self, kind: str, on: bool) -> None:
        off = self._ground.state.settings.kinds_off
        self._ground.set(kinds_off=off - {kind} if on else off | {kind})
        self._ground.tell("settings")

    def finish_first_run(self) -> None:
        state = self._ground.state
        self._ground.set(first_run_done=True)
        if state.chosen:
            self._account.agree(state.chosen, "first run")
        if "promotions" in state.chosen:
            self._ground.platform.notifier.ask_permission()
        self._ground.tell(None)

    # What other threads bring

    def _offer_heard(self, alert: CustomerAlert) -> None:
        """On the SDK's thread: kept first, so that a kill loses no offer, then taken in with others of its frame."""
        self._ground.wallet.keep_offer(alert, self._ground.now())
        with self._arrivals:
            self._arrived.append(alert)
            first = len(self._arrived) == 1
        if first:
            self._ground.post(self._take_offers)

    def _take_offers(self) -> None:
        with self._arrivals:
            now, self._arrived = self._arrived[:OFFERS_A_CALL], self._arrived[OFFERS_A_CALL:]
            more = bool(self._arrived)
        state = self._ground.state
        state.now = self._ground.now()
        for alert in now:
            state.inbox = state.inbox.received(alert, state.now)
            if state.inbox.get(alert.id) is not None:
                self._alerts.offer(alert)
        self._fetching.offered()
        self._ground.tell("near", None)
        if more:
            self._ground.post(self._take_offers)

    def _take_notice(self, notice: Mapping[str, Any]) -> None:
        """The shop says on her channel how her call for help or an order stands."""
        if not self._ground.state.granted:
            return
        if notice["notice"] == "pickup":
            self._fetching.pickups_again()
        elif notice["notice"] == "help":
            for call in each_of([notice], HelpCall.from_json, "a call for help"):
                if self._calling.knows(call.id):
                    self._calling.moved(call)
                else:
                    self._fetching.help_of(call.id)

    def _fix_heard(self, fix: Fix) -> None:
        """On the source's thread."""
        with self._arrivals:
            waiting, self._latest = self._latest is not None, fix
        if not waiting:
            self._ground.post(self._take_fix)

    def _take_fix(self) -> None:
        with self._arrivals:
            fix, self._latest = self._latest, None
        state = self._ground.state
        if fix is None or "location" not in state.granted or state.paused:
            return
        state.now, before = self._ground.now(), state.inside
        heading = fix.bearing_deg if fix.speed_m_s is None or fix.speed_m_s > 0.3 else None
        state.here = Here(fix.point, fix.taken_at.astimezone(self._ground.zone), fix.accuracy_m or 0.0, heading)
        if state.inside != before:
            self._refresh("map")
        self._fetching.route()
        self._ground.tell("map", "near")

    def _state_heard(self, now: ClientState) -> None:
        self._ground.post(lambda: self._take_state(now))

    def _take_state(self, now: ClientState) -> None:
        state = self._ground.state
        before, state.listening = state.listening, now.receiver == "listening"
        if state.listening and not before:
            self._fetching.help()  # what was told while nobody listened
        if now.source != self._ground.state.source:
            self._ground.state.source = now.source
            self._ground.tell(None)

    def _told(self, action: Action, answer: Any) -> None:
        self._ground.post(lambda: self._take_told(action, answer))

    def _take_told(self, action: Action, answer: Any) -> None:
        self._fetching.reached()
        if not self._ground.state.granted:
            return
        if action.kind == "wish":
            self._fetching.merge_wishes(answer)
        elif action.kind == "clip":
            self._clipping.told(answer)
        elif action.kind == "unclip":
            self._clipping.let_go(action.body["coupon"])
        elif action.kind in ("help", "cancel_help"):
            self._calling.moved(answer)
        self._clipping.reload()
        self._calling.reload()
        self._count_waiting()
        self._ground.tell("coupons", "card", "privacy", "help")

    def _refused(self, action: Action, fault: Refused) -> None:
        self._ground.post(lambda: self._take_refused(action, fault))

    def _take_refused(self, action: Action, fault: Refused) -> None:
        said = {
            "clip": self.words.t("The shop does not give you this coupon any more."),
            "help": self.words.t("The shop could not take your call."),
        }.get(action.kind, "")
        self._ground.state.fault = said
        self._clipping.reload()
        self._calling.reload()
        self._fetching.again()
        self._refresh(self._page)
        self._ground.tell(None)

    # Its own

    def _refresh(self, page: views.Page) -> None:
        for name in PAGES_OF.get(page, ()):
            getattr(self._fetching, name)()
        self._ask_again()

    def _ask_again(self) -> None:
        """What she waits for and could not be asked when she tapped."""
        state = self._ground.state
        if state.known and state.sharing and state.share is None:
            self._fetching.share()
        if state.known and self._page == "alternatives" and state.original is not None and state.alternatives is None:
            self._fetching.alternatives(state.original)

    def _consent_changed(self) -> None:
        """What is fetched and what waits may go out now, or belongs to nobody any more."""
        self._ground.state.known = bool(self._ground.state.granted) and self._account.running
        self._fetching.again()
        remember(self._ground.state, self._ground.wallet, self._clipping, self._calling)
        self._errands.wake()
        self._refresh(self._page)

    def _see_offers(self) -> None:
        state = self._ground.state
        new = [card for card in state.inbox.at(state.now).cards if not card.seen]
        if new:
            state.inbox = state.inbox.seen(card.alert.id for card in new)
            self._ground.wallet.mark_offers(seen=[card.subject for card in new])
            for each in new:
                self._report("shown", each.alert)
            self._ground.tell(None)

    def _report(self, kind: str, alert: CustomerAlert) -> None:
        try:
            self._client.report(kind, alert)
        except EndcapError as fault:
            log.warning("%s can't be reported: %s", kind, fault)

    def _open(self, link: str) -> None:
        """Go where a link leads."""
        found = read_link(link)
        if found is None:
            return
        what, value = found
        if what == "mute":
            self.mute_today(True)
        elif what == "offer":
            self.open_deal(value)
            self._link_page = "near"
        elif value in views.PAGES:
            self._link_page = next(page for page in views.PAGES if page == value)
        self._ground.tell(None)

    def _set_look(self, **changes: Any) -> None:
        self._ground.set(**changes)
        state = self._ground.state
        if "language" in changes:
            state.words = words_for(state.settings, self._machine_language, self._currency, self._ground.zone)
            self._alerts.name_channels()
        self._ground.tell(None)

    def _count_waiting(self) -> None:
        state = self._ground.state
        waiting = self._ground.wallet.waiting()
        offline = self._errands.offline and state.known
        if waiting != state.waiting or (offline and state.online is not False):
            state.waiting = waiting
            state.online = False if offline else state.online
            self._ground.tell(None)

    def _due(self, what: str) -> bool:
        now_s = self._ground.clock.monotonic()
        if now_s - self._done_s.get(what, float("-inf")) < EVERY_S[what]:
            return False
        self._done_s[what] = now_s
        return True


def _version() -> str:
    try:
        return version("endcap")
    except PackageNotFoundError:  # on a phone there is no package's metadata
        return ""
