"""The shop floor's routes, each given what it needs."""

from __future__ import annotations

from flask import Flask

from endcap.clock import Clock
from endcap_backend.api import help, pickups, plan, products, removing, staff_ably, stocking, wishlist
from endcap_backend.api.auth import Guard
from endcap_backend.api.help import HelpDesk
from endcap_backend.api.removing import Removing
from endcap_backend.api.stocking import Stocking
from endcap_backend.api.tokens import AblyTokens
from endcap_backend.config import Settings
from endcap_backend.retail.database import Database


def open_shop(app: Flask, guard: Guard, settings: Settings, database: Database, clock: Clock) -> None:
    """Plans, prices and stock, search, wishlists, help and pickups."""
    max_bytes = settings.max_body_kb * 1024
    app.register_blueprint(plan.blueprint(guard, database, clock, max_bytes))
    app.register_blueprint(products.blueprint(database, clock, settings.currency))
    app.register_blueprint(wishlist.blueprint(guard, database, clock))
    app.register_blueprint(help.blueprint(guard, HelpDesk(database, clock)))
    app.register_blueprint(pickups.blueprint(guard, database, clock))
    ably = AblyTokens(settings.ably_key, clock) if settings.ably_key else None
    app.register_blueprint(staff_ably.blueprint(guard, ably, settings.ably_endpoint))
    app.register_blueprint(stocking.blueprint(guard, Stocking(database, clock), max_bytes))
    app.register_blueprint(removing.blueprint(guard, Removing(database, clock)))
