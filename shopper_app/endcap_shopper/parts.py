"""Parts: all that one shopper's app is made of, joined."""

from __future__ import annotations

import locale
from datetime import tzinfo
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from endcap import Config, Endcap, LocationSource, Transport, inline
from endcap.clock import Clock, SystemClock
from endcap.transports.api import Api
from endcap_shopper.account import Account
from endcap_shopper.alerts import Alerts
from endcap_shopper.arrivals import Arrivals
from endcap_shopper.asking import Asking
from endcap_shopper.calling import Calling
from endcap_shopper.catalogue import Catalogue
from endcap_shopper.clipping import Clipping
from endcap_shopper.errands import Errands
from endcap_shopper.fetching import Fetching
from endcap_shopper.ground import SETTINGS, Ground, Post, words_for
from endcap_shopper.guiding import Guiding
from endcap_shopper.i18n import Words
from endcap_shopper.listing import Listing
from endcap_shopper.looking import Looking
from endcap_shopper.memory import remember
from endcap_shopper.outcomes import Outcomes
from endcap_shopper.platform.ports import Platform
from endcap_shopper.preferring import Preferring
from endcap_shopper.settings import AppSettings
from endcap_shopper.shop import Shop
from endcap_shopper.state import State
from endcap_shopper.tokens import Tokens
from endcap_shopper.walking import ClickSource, Overheard
from endcap_shopper.wallet import Wallet


class Parts:
    """Made whole, and begun by `Shopper.start`. They know one another by this, and each is the window's thread's.

    Raises:
        BadConfig, OSError: as `Shopper`.
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
        heard = Overheard(source, lambda fix: self.arrivals.fix(fix))
        clock = clock or heard.clock or SystemClock()
        words = words_for(chosen, self._machine_language, currency, zone)
        state = State(words, clock.now().astimezone(zone), chosen, backend_url=backend_url, version=_version())
        state.lite_url = lite_url
        state.can_walk = isinstance(source, ClickSource)
        self.source = source
        self.ground = Ground(state, wallet, clock, platform, post, zone)
        tokens = Tokens(platform.secrets)
        self.client = Endcap(config, heard, transport=transport, secrets=tokens, dispatcher=inline, clock=clock)
        self.shop = Shop(self.client, Api(backend_url, timeout_s=config.request_timeout_s))
        self.looking, self.arrivals, self.outcomes = Looking(self), Arrivals(self), Outcomes(self)
        self.errands = Errands(wallet, self.shop, self.outcomes.told, self.outcomes.refused, clock)
        self.asking = Asking(self.ground)
        self.guiding = Guiding(self.ground, self.asking)
        self.catalogue = Catalogue(self.ground, self.shop, self.asking, self.guiding)
        self.fetching = Fetching(self.ground, self.shop, self.asking, self.guiding)
        self.asking.on_lost = self._lost
        self.account = Account(self.ground, self.client, folder, self.looking.consent_changed)
        self.alerts = Alerts(self.ground)
        self.listing = Listing(self.ground, self.catalogue, self.fetching, self.guiding, self.errands)
        self.clipping = Clipping(self.ground, self.errands)
        self.preferring = Preferring(self.ground, self.errands)
        self.calling = Calling(self.ground, self.errands, self.alerts)
        self.fetching.on_help, self.fetching.on_coupons = self.calling.moved, self.clipping.clip_all
        self.catalogue.on_prices = self.alerts.prices
        remember(state, wallet, self.clipping, self.calling)
        tokens.on_whose = lambda mark: post(lambda: self.preferring.known_as(mark))
        self.client.on_promotion(self.arrivals.offer)
        self.client.on_notice(self.arrivals.notice)
        self.client.on_state(self.arrivals.state)

    def words(self) -> Words:
        """Her language, as she has set it now."""
        ground = self.ground
        return words_for(ground.state.settings, self._machine_language, self._currency, ground.zone)

    def again(self) -> None:
        """Ask anew for everything: consent has changed, or the network is back."""
        self.asking.again()
        self.catalogue.again()

    def until_idle(self, timeout_s: float = 10.0) -> bool:
        """As `Shopper.until_idle`."""
        return self.account.until_idle(timeout_s) and self.asking.until_idle(timeout_s)

    def _lost(self, key: str, fault: Exception) -> None:
        if key == "offered":
            self.catalogue.again()
        self.fetching.lost(key, fault)

    def close(self) -> None:
        """End all of them, in the order in which they lean on one another."""
        self.ground.platform.brightness.restore()
        self.asking.close()
        self.errands.close()
        self.shop.close()
        self.account.close()
        self.ground.wallet.close()


def _version() -> str:
    try:
        return version("endcap")
    except PackageNotFoundError:  # on a phone there is no package's metadata
        return ""
