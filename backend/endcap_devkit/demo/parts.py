"""The demo's processes: local Ably, backend and lite page, started as an operator starts them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from endcap.clock import SystemClock
from endcap.messages import ProductPromotion
from endcap_backend.api.roles import Role
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.staff import Staff
from endcap_devkit.demo.city import City
from endcap_devkit.demo.coupons import coupons
from endcap_devkit.demo.plans import plans_file
from endcap_devkit.demo.settings import Settings, is_free
from endcap_devkit.demo.signs import signs
from endcap_devkit.demo.tree import ChildFailed, Tree
from endcap_devkit.kafka.jars import kafka_classpath

PARTITIONS = 4  # of each topic, with Kafka
MANAGER, TILL = "manager", "till-1"  # who may sign in to the console, and at the till
OWN_KEY = {"ENDCAP_ABLY_KEY": "", "ENDCAP_ABLY_KEY_FILE": ""}  # made up, whatever the shell names: no cloud's here
PACING = {  # of the backend's alerts: spread over a visit, where one could watch them; the caps stay as they are
    "ENDCAP_ALERTS_PER_FIX": "1",
    "ENDCAP_ALERT_COOLDOWN_S": "12",
    "ENDCAP_SESSIONS_BURST": "5000",  # the whole crowd comes from one address
}


class Parts:
    """What runs beside the demo's own process. `key` is the API key of its local Ably, once that has made one up.

    It travels by pipe and environment: a command line could be read by every user of the machine.
    """

    def __init__(self, tree: Tree, settings: Settings, data: Path) -> None:
        self._tree, self._settings, self._data = tree, settings, data
        self.key = ""

    async def start_ably(self) -> str:
        """The local Ably's address."""
        ready = await self._tree.start(
            "ably", "endcap_devkit", ["ably", "--port", str(self._settings.ably_port)], OWN_KEY
        )
        self.key = str(ready["key"])
        return str(ready["http"])

    async def stock(self, city: City, promotions: list[ProductPromotion]) -> None:
        """Load shelves, promotions and coupons as a shop's operator does; the match is fed when the backend starts."""
        products = [product for store in city.stores for product, _ in store.products]
        shelves, offers = self._data / "shelves.jsonl", self._data / "promotions.jsonl"
        self._data.mkdir(parents=True, exist_ok=True)
        shelves.write_text("".join(f"{product.to_text()}\n" for product in products), encoding="utf-8")
        offers.write_text("".join(f"{promotion.to_text()}\n" for promotion in promotions), encoding="utf-8")
        kept = self._data / "coupons.jsonl"
        terms = coupons(city.stores, promotions, SystemClock().now())
        kept.write_text("".join(f"{coupon.to_text()}\n" for coupon in terms), encoding="utf-8")
        (self._data / "zones.csv").write_text(signs(city), encoding="utf-8")
        (self._data / "plans.geojson").write_text(plans_file(city), encoding="utf-8")
        load = ["load", "--placements", str(shelves), "--promotions", str(offers)]
        load += ["--plans", str(self._data / "plans.geojson"), "--coupons", str(kept)]
        await self._tree.run("load", "endcap_backend", [*load, "--data", str(self._data / "backend")], {})

    def hire(self) -> str:
        """Give the console's manager and the till accounts, or a new password; the password. Blocks for a moment."""
        password = secrets.token_urlsafe(9)
        with closing(Database(database_url(self._data / "backend"))) as database:
            staff = Staff(database, SystemClock())
            hired = {each.name for each in staff.accounts()}
            for name, role in ((MANAGER, Role.MANAGER), (TILL, Role.TILL)):
                if name in hired:
                    staff.change_password(name, password)
                else:
                    staff.add(name, role, password)
        return password

    async def start_servers(self, ably: str, door: str = "") -> dict[str, str]:
        """Backend and lite page, with Kafka a broker and a worker before them; the addresses of all by name.

        `door` is where phones come in to the lite page, when they do.
        """
        wanted, data = self._settings, self._data
        env = {"ENDCAP_ABLY_ENDPOINT": ably, "ENDCAP_ABLY_KEY": self.key, **PACING}
        links = {"ably": ably}
        if wanted.kafka:
            env |= await self._start_broker()
            words = ["worker", "--data", str(data / "backend")]  # for lists, coupons and cards
            worker = await self._tree.start("worker", "endcap_backend", words, env)
            links |= {"kafka": env["ENDCAP_KAFKA_BOOTSTRAP_SERVERS"], "worker": str(worker["metrics"])}
        backend = await self._start_backend(ably, env)
        port = "0" if door else str(wanted.lite_port)
        behind_door = ["--public-url", door, "--trusted-proxy", wanted.host] if door else []
        lite = await self._tree.start(
            "lite",
            "endcap_lite",
            [
                "serve", "--host", wanted.host, "--port", port, "--backend-url", backend["http"],
                "--data", str(data / "lite"), "--store-name", "Helsinki", "--country", "FIN",
                "--zones", str(data / "zones.csv"), *behind_door,
            ],
            env,
        )  # fmt: skip
        return {"lite": lite["http"], "backend": backend["http"], **links}

    async def _start_broker(self) -> dict[str, str]:
        """A broker of the demo's own with the product's topics; what others need to use it."""
        await asyncio.to_thread(kafka_classpath)  # fetched the first time, which takes longer than a child may
        data = ["--data", str(self._data / "kafka")] if self._settings.data is not None else []
        broker = await self._tree.start("kafka", "endcap_devkit", ["kafka", *data], {})
        reach = {"ENDCAP_KAFKA_BOOTSTRAP_SERVERS": str(broker["bootstrap"])}
        topics = ["apply", "--yes", "--partitions", str(PARTITIONS)]
        await self._tree.run("topics", "endcap_backend", topics, reach)
        return reach | {"ENDCAP_PIPELINE": "kafka"}

    async def _start_backend(self, ably: str, env: Mapping[str, str]) -> dict[str, Any]:
        serve = ["serve", "--host", self._settings.host, "--data", str(self._data / "backend"), "--ably-endpoint", ably]
        port = self._settings.preferred_backend_port()
        try:
            return await self._tree.start("backend", "endcap_backend", [*serve, "--port", str(port)], env)
        except ChildFailed:
            if port == self._settings.backend_port or is_free(self._settings.host, port):
                raise
        # somebody took the port while the backend was starting
        return await self._tree.start("backend", "endcap_backend", [*serve, "--port", "0"], env)
