"""The crowd: shoppers without phones of their own, each with a session, who post their fixes in batches by HTTP."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random
from typing import Any

import aiohttp

from endcap.geo import LatLon
from endcap.messages import CustomerAlert, CustomerLocation
from endcap_devkit.demo.listening import AblyListener, listen_by_sse
from endcap_devkit.demo.people import Person
from endcap_devkit.demo.stage import Stage
from endcap_devkit.simulate.shoppers import Shopper, stroll
from endcap_devkit.simulate.store import COUNTRY

log = logging.getLogger("endcap.demo")

CONSENT = {"purposes": ["location", "promotions"], "text_version": "demo"}
FIX_EVERY_S = 1.0
BATCH_S = 2.0  # fixes wait so long for company, in a large crowd longer:
REQUESTS_PER_S = 150  # of all together; more would fill two cores with HTTP
SSE_SHARE = 20  # one in so many hears by event stream, as the lite page does
ARRIVING = 60  # steps in which the first ones come: all at once would be a storm of sessions
INSIDE_SHARE = 0.6  # of the first ones, who start in a store: about as many are in one later
PATIENCE_S = 10.0
AGAIN_S = 2.0
RENEW_AFTER = 0.8  # of a token's life


@dataclass(slots=True)
class Member:
    """One of the crowd: where she walks, who she is to the backend, what she has not posted yet."""

    person: Person
    shopper: Shopper
    token: str = ""
    refresh_token: str = ""
    renew_at_s: float = 0.0  # on the monotonic clock
    waiting: list[CustomerLocation] = field(default_factory=list)
    fixes: count[int] = field(default_factory=lambda: count(1))
    since_fix_s: float = 0.0
    since_post_s: float = 0.0
    busy: bool = False  # a request of hers is under way
    stream: asyncio.Task[None] | None = None


class Crowd:
    """Keeps `size` shoppers walking: who leaves the map is followed by a new one. One thread: the demo's loop.

    `pace` is how much faster than people they walk; their clocks and batches run at the real one.
    """

    def __init__(
        self, stage: Stage, http: aiohttp.ClientSession, backend: str, ably: str, listener: AblyListener,
        *, size: int, pace: float, seed: int,
    ) -> None:  # fmt: skip
        self._stage, self._http = stage, http
        self._backend, self._ably, self._listener = backend, ably, listener
        self._size, self._pace = size, pace
        self._batch_s = max(BATCH_S, size / REQUESTS_PER_S)
        self._rng = Random(seed)
        self._members: dict[int, Member] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._came = 0

    def heard(self, uid: str, alert: CustomerAlert, by: str = "ws") -> None:
        """An offer came on the channel of `uid`."""
        if alert.uid != uid:
            self._stage.figures.count("misdirected")
        self._stage.heard(self._stage.people.of_uid(uid), alert, by)

    def step(self, dt_s: float) -> None:
        """Let `dt_s` seconds go by: all walk, phones take fixes, batches go out, newcomers come."""
        for member in list(self._members.values()):
            self._walk(member, dt_s)
        missing = self._size - len(self._members)
        for _ in range(min(missing, max(2, self._size // ARRIVING))):
            self._enter()

    async def stop(self) -> None:
        streams = [member.stream for member in self._members.values() if member.stream]
        for task in [*self._tasks, *streams]:
            task.cancel()
        await asyncio.gather(*self._tasks, *streams, return_exceptions=True)

    def _enter(self) -> None:
        first = self._came < self._size
        self._came += 1
        city = self._stage.city
        inside = first and self._rng.random() < INSIDE_SHARE
        shopper = Shopper(stroll(city.stores, city.streets, self._rng, inside=inside), self._rng)
        person = self._stage.welcome("http", shopper.spot)
        member = Member(person, shopper, since_post_s=self._rng.random() * self._batch_s)
        self._members[person.number] = member
        self._soon(self._join(member, by_sse=self._came % SSE_SHARE == 1))

    async def _join(self, member: Member, *, by_sse: bool) -> None:
        """Agree, be given a pseudonym, and listen; tried again while she is here."""
        while not member.token and member.person.number in self._members:
            await self._guarded(self._agree(member, by_sse=by_sse))
            if not member.token:
                await asyncio.sleep(AGAIN_S)

    async def _agree(self, member: Member, *, by_sse: bool) -> None:
        session = await self._ask("POST", "/v1/sessions", {"consent": CONSENT})
        if by_sse:
            token = partial(self._page_token, member)
            heard = partial(self.heard, by="sse")
            stream = listen_by_sse(self._http, self._ably, session["uid"], token, heard)
            member.stream = asyncio.create_task(stream)
        else:
            await self._listener.listen(session["uid"])
        self._stage.people.known_as(member.person, session["uid"])
        _admit(member, session)

    async def _page_token(self, member: Member) -> str:
        answer = await self._ask("POST", "/v1/ably-token", {"for": "page"}, await self._token(member))
        return str(answer["token"])

    async def _token(self, member: Member) -> str:
        """Her session's token, renewed before its hour is over: at a slow pace she walks longer."""
        if time.monotonic() >= member.renew_at_s:
            member.renew_at_s = time.monotonic() + PATIENCE_S  # nobody else asks meanwhile; the old one is good yet
            _admit(member, await self._ask("POST", "/v1/sessions", {"refresh_token": member.refresh_token}))
        return member.token

    def _walk(self, member: Member, dt_s: float) -> None:
        person, shopper = member.person, member.shopper
        shopper.step(dt_s * self._pace)
        if shopper.gone:
            self._exit(member)
            return
        person.spot, person.pausing = shopper.spot, shopper.pausing
        person.store = shopper.store.id if shopper.store else None
        member.since_fix_s += dt_s
        member.since_post_s += dt_s
        if member.token and member.since_fix_s >= FIX_EVERY_S:
            self._take_fix(member)
        if member.waiting and member.since_post_s >= self._batch_s and not member.busy:
            member.since_post_s = 0.0
            self._soon(self._post(member))

    def _take_fix(self, member: Member) -> None:
        person = member.person
        person.heard, person.accuracy_m = member.shopper.hear(member.since_fix_s)
        member.since_fix_s = 0.0
        point = self._stage.city.point(person.heard)
        assert person.uid is not None
        member.waiting.append(
            CustomerLocation(
                uid=person.uid,
                latitude_deg=point.latitude_deg,
                longitude_deg=point.longitude_deg,
                country=COUNTRY,
                id=f"demo-{person.uid}"[:64] + f":{next(member.fixes)}",
                accuracy_m=person.accuracy_m,
                taken_at=datetime.now(UTC),
                source="simulated",
            )
        )

    async def _post(self, member: Member) -> None:
        member.busy, batch = True, member.waiting
        member.waiting = []
        try:
            self._stage.posted(member.person, _points(batch), time.monotonic())
            body = {"locations": [location.to_json() for location in batch]}
            answer = await self._ask("POST", "/v1/locations", body, await self._token(member))
            self._stage.figures.count("fixes", answer["accepted"])
            self._stage.figures.count("refused", answer["rejected"])
        finally:
            member.busy = False

    def _exit(self, member: Member) -> None:
        del self._members[member.person.number]
        uid = member.person.uid
        if member.stream is not None:
            member.stream.cancel()
        elif uid is not None:
            self._soon(self._listener.leave(uid))
        self._stage.leave(member.person)

    async def _ask(self, method: str, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with self._http.request(
            method, self._backend + path, json=body, headers=headers, timeout=timeout
        ) as response:
            if response.status >= 400:
                log.warning("%s %s: %d %s", method, path, response.status, (await response.text())[:200])
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A request that fails is counted; she goes on."""
        try:
            await work
        except (aiohttp.ClientError, TimeoutError) as fault:
            self._stage.figures.count("failed")
            log.info("a shopper's request failed: %s", type(fault).__name__)


def _admit(member: Member, session: dict[str, Any]) -> None:
    left_s = (datetime.fromisoformat(session["expires_at"]) - datetime.now(UTC)).total_seconds()
    member.token, member.refresh_token = session["token"], session["refresh_token"]
    member.renew_at_s = time.monotonic() + RENEW_AFTER * left_s


def _points(batch: Sequence[CustomerLocation]) -> list[LatLon]:
    return [location.point for location in batch]
