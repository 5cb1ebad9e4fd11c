"""Sessions: the anonymous pseudonym the backend gives this install, and the tokens that go with it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Protocol

from endcap.clock import Clock, SystemClock
from endcap.errors import NotAuthorised, Refused, Unreachable
from endcap.transports import AblyToken
from endcap.transports.api import Api, Reply

log = logging.getLogger("endcap")

EARLY_S = 60.0  # a token is renewed so long before it ends, so that none ends on its way; at most half its life
STATE = "session"


class Keeping(Protocol):
    """Where the session outlives the process: the outbox's state."""

    def get(self, name: str) -> str | None: ...

    def set(self, name: str, value: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Session:
    """Who this install is to the backend. `skew_s` is the server's clock minus the device's when it was issued;
    `told` is the consent the backend knows of, as JSON text; `early_s` how long before its end the token is renewed."""

    uid: str
    token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime
    skew_s: float = 0.0
    told: str = ""
    early_s: float = EARLY_S

    @classmethod
    def from_reply(cls, reply: Reply, now: datetime, consent: dict[str, Any]) -> Session:
        """Read an answer of `POST /v1/sessions`.

        Raises:
            Refused: it is not what the API promises.
        """
        body = reply.body
        try:
            skew_s = (reply.at - now).total_seconds() if reply.at else 0.0
            life_s = (_instant(body["expires_at"]) - now).total_seconds() - skew_s
            return cls(
                uid=_text(body["uid"]),
                token=_text(body["token"]),
                expires_at=_instant(body["expires_at"]),
                refresh_token=_text(body["refresh_token"]),
                refresh_expires_at=_instant(body["refresh_expires_at"]),
                skew_s=skew_s,
                told=_text_of(consent),
                early_s=min(EARLY_S, life_s / 2),
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise Refused(f"the backend's session can't be read: {fault!r}", reply.status) from None

    def holds_at(self, now: datetime) -> bool:
        """True while the token is good for `early_s` more, by the server's clock."""
        return now + timedelta(seconds=self.skew_s + self.early_s) < self.expires_at


class Sessions:
    """Makes a session when one is first needed, renews it before it ends, and keeps it across restarts.

    `consent` gives the body's consent part, and None while there is no consent: then no session is made. When it has
    changed since the backend was told, the backend is told first. Any thread; a thread that asks while another is
    renewing waits for it.
    """

    def __init__(
        self, api: Api, keeping: Keeping, consent: Callable[[], dict[str, Any] | None], clock: Clock | None = None
    ) -> None:
        self._api = api
        self._keeping = keeping
        self._consent = consent
        self._clock = clock or SystemClock()
        self.on_new_uid: Callable[[], None] = lambda: None  # called on the thread that found out, once it is kept
        self._lock = RLock()
        self._session = self._kept()

    def current(self) -> Session:
        """A session whose token holds.

        Raises:
            Unreachable: the backend does not answer, or there is no consent.
            NotAuthorised: it answers, and gives none.
            Refused: it can't be understood, or does not understand us.
        """
        with self._lock:
            if self._session is None or not self._session.holds_at(self._clock.now()):
                self._renew()
            self._tell_consent()
            assert self._session is not None
            return self._session

    def renewed(self, refused_token: str) -> Session:
        """Another session than the one whose token was refused; raises as `current`."""
        with self._lock:
            if self._session is None or self._session.token == refused_token:
                self._renew()
            assert self._session is not None
            return self._session

    @property
    def uid(self) -> str | None:
        """The pseudonym, when there is one; asks nobody."""
        session = self._session
        return None if session is None else session.uid

    def ably_token(self) -> AblyToken:
        """A token for her two channels; one refused session is renewed once. Raises as `current`."""
        session = self.current()
        try:
            reply = self._api.post("/ably-token", {"for": "phone"}, session.token)
        except NotAuthorised:
            reply = self._api.post("/ably-token", {"for": "phone"}, self.renewed(session.token).token)
        return _ably_token(reply)

    def forget(self) -> None:
        """Drop the pseudonym and its tokens, here and on disk."""
        with self._lock:
            self._session = None
            self._keeping.set(STATE, None)

    def _renew(self) -> None:
        consent = self._consent()
        if consent is None:
            raise Unreachable("there is no consent, so there is no session")
        session = self._session
        now = self._clock.now()
        if session is not None:  # whether its refresh token is over the backend says: our clock may have been set wrong
            try:
                body = {"refresh_token": session.refresh_token, "consent": consent}
                self._keep(Session.from_reply(self._api.post("/sessions", body), now, consent))
                return
            except NotAuthorised:
                pass  # that one is over; a new pseudonym it is
            except Refused as fault:
                if fault.status not in (400, 403, 404, 422):
                    raise
        self._keep(Session.from_reply(self._api.post("/sessions", {"consent": consent}), now, consent))

    def _tell_consent(self) -> None:
        """Let the backend know what she agrees to now."""
        session, consent = self._session, self._consent()
        if session is None or consent is None or session.told == _text_of(consent):
            return
        try:
            self._api.put("/me/consent", consent, session.token)
        except NotAuthorised:
            self._renew()  # which tells it too
            return
        except Refused as fault:
            if fault.status not in (404, 405):  # a backend that learns of consent with the session alone
                raise
        self._keep(replace(session, told=_text_of(consent)))

    def _keep(self, session: Session) -> None:
        before, self._session = self._session, session
        kept = {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(session).items()
        }
        self._keeping.set(STATE, json.dumps(kept))
        if before is not None and before.uid != session.uid:
            self.on_new_uid()

    def _kept(self) -> Session | None:
        text = self._keeping.get(STATE)
        if text is None:
            return None
        try:
            value = json.loads(text)
            for name in ("expires_at", "refresh_expires_at"):
                value[name] = datetime.fromisoformat(value[name])
            return Session(**value)
        except (ValueError, TypeError, KeyError):  # another version's, or garbled where the host keeps secrets
            log.warning("the kept session can't be read; another is asked for")
            return None


def _ably_token(reply: Reply) -> AblyToken:
    try:
        channels = reply.body["channels"]
        return AblyToken(
            token=_text(reply.body["token"]),
            client_id=_text(reply.body["client_id"]),
            expires_at=_instant(reply.body["expires_at"]),
            location_channel=_text(channels["location"]),
            promotions_channel=_text(channels["promotions"]),
            endpoint=str(reply.body.get("endpoint") or ""),
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise Refused(f"the backend's Ably token can't be read: {fault!r}", reply.status) from None


def _text_of(consent: dict[str, Any]) -> str:
    return json.dumps(consent, sort_keys=True)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("an empty or missing text")
    return value


def _instant(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
