"""Account: what is known of her, on this device and at the shop, to be handed out or erased on her word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from endcap.consent import Consent
from endcap.errors import EndcapError, NotAuthorised, Refused, Unreachable
from endcap.wire import write_instant

if TYPE_CHECKING:
    from endcap.install import Install
    from endcap.transports.api import Api

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The shop's word that it erased her. `answer` is what its backend said; empty when it never knew her."""

    at: datetime
    answer: dict[str, Any]


def export(consent: Consent, install: Install | None, now: datetime) -> dict[str, Any]:
    """Everything: her consents, what waits on this device, and what the backend holds when it can be asked."""
    found: dict[str, Any] = {
        "exported_at": write_instant(now),
        "consent": [record.to_json() for record in consent.records],
        "device": None,
        "backend": None,
        "backend_fault": "",
    }
    if install is None:
        return found
    outbox = install.outbox
    found["device"] = {
        "install": outbox.install,
        "pseudonym": install.sessions.uid,
        "waiting": [{"kind": entry.kind, **entry.draft} for entry in outbox.entries()],
        "state": {name: json.loads(text) for name, text in outbox.states().items() if name in _HERS},
    }
    try:
        found["backend"] = install.api.get("/me/export", install.sessions.current().token).body
    except EndcapError as fault:
        found["backend_fault"] = str(fault)
    return found


def delete(install: Install | None, now: datetime) -> Receipt:
    """Have the backend erase her. What is on the device is the client's to erase, after this.

    Raises:
        Unreachable: nothing was erased yet; try again with a network.
        Refused: the backend can't do it; it says why.
    """
    if install is None or install.sessions.uid is None:
        return Receipt(now, {})
    session = install.sessions.current()
    try:
        reply = install.api.delete("/me", session.token)
    except NotAuthorised:
        reply = install.api.delete("/me", install.sessions.renewed(session.token).token)
    except Refused as fault:
        if fault.status == 410:  # it was done before
            return Receipt(now, {})
        raise
    return Receipt(now, reply.body)


def ask(install: Install | None, method: Method, path: str, body: object = None) -> dict[str, Any]:
    """One request to the backend in her name; a session that was refused is renewed once. Raises as `Endcap.ask`."""
    if install is None:
        raise Unreachable(f"{method} {path}: nothing is asked in her name before consent and start")
    session = install.sessions.current()
    try:
        return _asked(install.api, method, path, body, session.token)
    except NotAuthorised:
        return _asked(install.api, method, path, body, install.sessions.renewed(session.token).token)


def ask_if_changed(install: Install | None, path: str, etag: str = "") -> tuple[dict[str, Any], str] | None:
    """As `Endcap.ask_if_changed`; a session that was refused is renewed once."""
    if install is None:
        raise Unreachable(f"GET {path}: nothing is asked in her name before consent and start")
    session = install.sessions.current()
    try:
        reply = install.api.get(path, session.token, etag)
    except NotAuthorised:
        reply = install.api.get(path, install.sessions.renewed(session.token).token, etag)
    return None if reply.status == 304 else (reply.body, reply.etag)


def _asked(api: Api, method: Method, path: str, body: object, token: str) -> dict[str, Any]:
    if method == "GET":
        return api.get(path, token).body
    if method == "DELETE":
        return api.delete(path, token).body
    send = {"POST": api.post, "PUT": api.put, "PATCH": api.patch}[method]
    return send(path, body, token).body


_HERS = ("fences", "filter", "heard")  # the pieces of state that tell of her; the others are tokens and settings
