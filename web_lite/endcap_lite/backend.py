"""The shop's backend in a shopper's name: the SDK's sessions and HTTP transport, one of each for every visit."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from endcap.clock import Clock, SystemClock
from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.messages import CustomerLocation
from endcap.session import Sessions
from endcap.transports import AblyToken, SendResult
from endcap.transports.api import Api, Reply
from endcap.transports.http import HttpTransport
from endcap_lite.visits import Visits

TEXT_VERSION = "lite-2026-11"  # of the page's sentences; change it with their meaning
CONSENT = {"purposes": ["location", "promotions"], "text_version": TEXT_VERSION}
VISITS = 10_000  # whose sessions are held in memory; the others are read again when needed


@dataclass(frozen=True, slots=True)
class PageToken:
    """What a page needs to hear her offers. `endpoint` is the Ably that the backend uses; "" is the cloud."""

    token: str
    channel: str
    expires_at: datetime
    endpoint: str


class Backend:
    """Speaks to the backend for each visit under its own session. Any thread."""

    def __init__(self, api: Api, visits: Visits, clock: Clock | None = None) -> None:
        self._api = api
        self._visits = visits
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._push_key: str | None = None
        self._sessions: OrderedDict[str, Sessions] = OrderedDict()

    def send(self, visit_id: str, fixes: Sequence[CustomerLocation]) -> SendResult:
        """Deliver fixes under the visit's pseudonym; raises as a `Transport`, and NotAuthorised for an erased visit."""
        return HttpTransport(self._api, self._of(visit_id)).send(fixes)

    def ask(self, visit_id: str, call: Callable[[Api, str], Reply]) -> Reply:
        """Make a call under the visit's session, whose token is renewed when it has ended; raises as the call does."""
        sessions = self._of(visit_id)
        token = sessions.current().token
        try:
            return call(self._api, token)
        except NotAuthorised:
            return call(self._api, sessions.renewed(token).token)

    def look_up(self, path: str) -> Mapping[str, Any]:
        """What the backend tells anyone at a path; raises Unreachable and Refused."""
        return self._api.get(path).body

    def push_key(self) -> str:
        """The key that a browser subscribes to notifications with; "" when the shop sends none, or does not say now."""
        if self._push_key is None:
            try:
                self._push_key = str(self.look_up("/push/key")["key"])
            except Unreachable:
                return ""
            except (Refused, KeyError):
                self._push_key = ""
        return self._push_key

    def history_token(self, visit_id: str) -> AblyToken:
        """A token that may read back her offers: for this server alone."""
        return self._of(visit_id).ably_token()

    def page_token(self, visit_id: str) -> PageToken:
        """A token that may only subscribe to her offers, for at most 5 minutes.

        Raises:
            NotAuthorised: the visit was erased.
            Unreachable, Refused: the backend does not answer, or not so that it can be read.
        """
        reply = self.ask(visit_id, lambda api, token: api.post("/ably-token", {"for": "page"}, token))
        try:
            body = reply.body
            return PageToken(
                body["token"],
                body["channels"]["promotions"],
                datetime.fromisoformat(body["expires_at"]),
                str(body.get("endpoint") or "").rstrip("/"),
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise Refused(f"the backend's token can't be read: {fault!r}", reply.status) from None

    def erase(self, session: str) -> None:
        """Have the backend erase all it holds of the shopper whose kept session this is.

        Raises:
            NotAuthorised, Unreachable, Refused: it has not.
        """
        if datetime.fromisoformat(json.loads(session)["refresh_expires_at"]) <= self._clock.now():
            raise NotAuthorised("her session ended before it could be erased")
        sessions = Sessions(self._api, _Only(session), lambda: CONSENT, self._clock)
        self._api.delete("/me", sessions.current().token)

    def forget(self, visit_id: str) -> None:
        with self._lock:
            self._sessions.pop(visit_id, None)

    def close(self) -> None:
        self._api.close()

    def _of(self, visit_id: str) -> Sessions:
        if not self._visits.has(visit_id):
            raise NotAuthorised("this visit was erased")
        with self._lock:
            found = self._sessions.get(visit_id)
            if found is None:
                keeping = _Kept(self._visits, visit_id)
                found = self._sessions[visit_id] = Sessions(self._api, keeping, keeping.consent, self._clock)
                while len(self._sessions) > VISITS:
                    self._sessions.popitem(last=False)
            self._sessions.move_to_end(visit_id)
            return found


class _Kept:
    """A visit's row as the place where its session outlives the process."""

    def __init__(self, visits: Visits, visit_id: str) -> None:
        self._visits = visits
        self._visit_id = visit_id

    def get(self, name: str) -> str | None:
        return self._visits.session(self._visit_id)

    def set(self, name: str, value: str | None) -> None:
        self._visits.keep_session(self._visit_id, value)

    def consent(self) -> dict[str, Any] | None:
        """A visit is a consent: it exists from her yes to her no."""
        return CONSENT if self._visits.has(self._visit_id) else None


class _Only:
    """A session whose visit is gone: renewed in memory, never kept."""

    def __init__(self, session: str) -> None:
        self._session: str | None = session

    def get(self, name: str) -> str | None:
        return self._session

    def set(self, name: str, value: str | None) -> None:
        self._session = value
