"""The WSGI application: the API's blueprints, each given what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flask import Flask

from endcap.clock import Clock, SystemClock
from endcap_backend.api import (
    ably_token,
    coupons,
    events,
    health,
    integrations,
    locations,
    loyalty,
    me,
    openapi,
    places,
    preferences,
    push,
    redemptions,
    savings,
    sessions,
    staff,
    till_offers,
)
from endcap_backend.api.auth import Guard
from endcap_backend.api.coupons import CouponDesk
from endcap_backend.api.edge import surround
from endcap_backend.api.erasure import Erasure
from endcap_backend.api.express import Express
from endcap_backend.api.intake import Intake
from endcap_backend.api.limits import RateLimit
from endcap_backend.api.locations import FixDesk
from endcap_backend.api.loyalty import LoyaltyDesk
from endcap_backend.api.metrics import Metrics
from endcap_backend.api.places import Places
from endcap_backend.api.sessions import SessionDesk
from endcap_backend.api.shop import open_shop
from endcap_backend.api.shoppers import Shoppers
from endcap_backend.api.staff import StaffDesk
from endcap_backend.api.tokens import AblyTokens, Tokens
from endcap_backend.config import Settings
from endcap_backend.console import pages
from endcap_backend.console.door import Door
from endcap_backend.console.lineage import Lineage
from endcap_backend.console.parts import Console
from endcap_backend.elsewhere import elsewhere_of
from endcap_backend.log import Log
from endcap_backend.retail.database import Database
from endcap_backend.retail.redemption import Redemptions
from endcap_backend.retail.staff import Staff
from endcap_backend.retail.tillkeys import TillKeys
from endcap_backend.secretfile import derived_key
from endcap_backend.webpush.subscriptions import Subscriptions
from endcap_backend.webpush.vapid import Vapid


class Watched(Protocol):
    """What the API tells of the pipeline."""

    def ready(self) -> bool: ...

    def stats(self) -> Mapping[str, float]: ...


def create_app(
    settings: Settings, log: Log, database: Database, secret: str, pipeline: Watched, *, clock: Clock | None = None
) -> Flask:
    """The application over an open log and the shop's database; it starts no thread. `secret` signs its tokens."""
    clock = clock or SystemClock()
    metrics = Metrics()
    metrics.watch(log, pipeline.stats)
    shoppers = Shoppers(log, clock, settings.refresh_days * 86_400)
    tokens = Tokens(secret, clock)
    ably = AblyTokens(settings.ably_key, clock) if settings.ably_key else None
    crew = Staff(database, clock)
    requests = _limit(settings.user_requests_per_s, settings.user_requests_burst, clock)
    guard = Guard(tokens, shoppers, crew, requests, metrics)
    intake = Intake(log, clock, metrics)
    messages = _limit(settings.user_fixes_per_s, settings.user_fixes_burst, clock)
    beginnings = _limit(settings.sessions_per_s, settings.sessions_burst, clock)
    desk = SessionDesk(
        shoppers,
        tokens,
        metrics,
        token_life_s=settings.token_minutes * 60,
        refresh_life_s=settings.refresh_days * 86_400,
    )
    tries = _limit(settings.sign_in_per_s, settings.sign_in_burst, clock)
    staff_desk = StaffDesk(crew, tokens, metrics, tries, settings.staff_session_hours * 3600)
    max_bytes = settings.max_body_kb * 1024

    app = Flask("endcap_backend", static_folder=None)
    surround(app, metrics, settings.cors_origins)
    app.register_blueprint(sessions.blueprint(desk, guard, shoppers, beginnings, clock))
    app.register_blueprint(ably_token.blueprint(guard, ably, settings.ably_endpoint))
    fixes = FixDesk(guard, intake, messages)
    app.register_blueprint(locations.blueprint(fixes, max_bytes))
    app.register_blueprint(events.blueprint(guard, intake, messages, max_bytes))
    app.register_blueprint(integrations.blueprint(intake, shoppers, ably, metrics))
    erasure, elsewhere = Erasure(log, database, clock), elsewhere_of(settings)
    app.register_blueprint(me.blueprint(guard, shoppers, erasure, elsewhere, log, database, clock))
    app.register_blueprint(preferences.blueprint(guard, database))
    app.register_blueprint(places.blueprint(Places(database, clock)))
    push_key = Vapid(settings.data, settings.push_contact, clock).public_key if settings.push_contact else ""
    app.register_blueprint(push.blueprint(guard, Subscriptions(database, clock), settings.push_hosts, push_key))
    open_shop(app, guard, settings, database, clock)
    app.register_blueprint(staff.blueprint(staff_desk, guard, crew))
    _open_till(app, guard, settings, database, clock)
    door = Door(staff_desk, crew, tokens, derived_key(secret, "console"))
    lineage = Lineage(log, pipeline.stats, clock)
    app.register_blueprint(pages.blueprint(Console(door, log, database, lineage, settings.pipeline, clock)))
    app.register_blueprint(health.blueprint(log, pipeline.ready, settings.untold, metrics))
    app.register_blueprint(openapi.blueprint())
    app.wsgi_app = Express(app, fixes, metrics, max_bytes, settings.cors_origins)  # type: ignore[method-assign]
    return app


def _open_till(app: Flask, guard: Guard, settings: Settings, database: Database, clock: Clock) -> None:
    """Coupons, loyalty and what tills do with them."""
    rules = settings.loyalty
    keys = TillKeys(settings.data, clock)
    coupon_desk = CouponDesk(database, rules, settings.currency, clock)
    app.register_blueprint(coupons.blueprint(guard, coupon_desk))
    app.register_blueprint(savings.blueprint(guard, database, settings.currency))
    app.register_blueprint(loyalty.blueprint(guard, LoyaltyDesk(database, coupon_desk, keys, rules, clock), keys))
    app.register_blueprint(redemptions.blueprint(guard, Redemptions(database, keys, rules, clock, settings.currency)))
    app.register_blueprint(till_offers.blueprint(guard, database, settings.currency, clock))


def _limit(per_s: float, burst: float, clock: Clock) -> RateLimit:
    return RateLimit(per_s, burst, clock)
