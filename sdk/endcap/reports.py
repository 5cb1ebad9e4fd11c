"""Reports: what became of an offer, as the event that travels."""

from __future__ import annotations

from datetime import datetime

from endcap.consent import Purpose
from endcap.errors import BadMessage
from endcap.messages import CustomerAlert, CustomerEvent, derived_id

NEEDS = {  # what she must have agreed to; the first two only count, the others are part of the service
    "shown": Purpose.ANALYTICS,
    "opened": Purpose.ANALYTICS,
    "clipped": Purpose.PROMOTIONS,
    "redeemed": Purpose.PROMOTIONS,
    "help": Purpose.PROMOTIONS,
}


def purpose_of(kind: str) -> Purpose:
    """What a report of this kind is for.

    Raises:
        BadMessage: no such kind.
    """
    if kind not in NEEDS:
        raise BadMessage("kind", f"must be one of {', '.join(NEEDS)}")
    return NEEDS[kind]


def reported(
    kind: str, alert: CustomerAlert | None, note: str | None, install: str, store: str, now: datetime
) -> CustomerEvent:
    """The event; its id derives from install, kind and alert, so that the same thing reported twice counts once."""
    return CustomerEvent(
        id=derived_id(install, kind, alert.id if alert else now.isoformat()),
        uid="pending",  # the pseudonym comes in when it leaves
        kind=kind,
        occurred_at=now,
        visit=alert.visit if alert else None,
        alert=alert.id if alert else None,
        pid=alert.pid if alert else None,
        sku=alert.sku if alert else None,
        store=(alert.store if alert else None) or store or None,
        note=note,
    )
