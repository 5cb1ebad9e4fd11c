"""Account: what is known of her, on this device and at the shop, to be handed out or erased on her word."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from endcap.consent import Consent
from endcap.errors import EndcapError, NotAuthorised, Refused
from endcap.wire import write_instant

if TYPE_CHECKING:
    from endcap.install import Install


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


_HERS = ("fences", "filter", "heard")  # the pieces of state that tell of her; the others are tokens and settings
