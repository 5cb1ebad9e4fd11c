"""What a held-out shopper would have heard, noted in the log: an event, and never an alert."""

from __future__ import annotations

from endcap.messages import CUSTOMERS_EVENTS, WITHHELD, CustomerAlert, CustomerEvent, derived_id
from endcap.wire import from_epoch_ms
from endcap_backend.log import NewRecord


def withheld_event(alert: CustomerAlert, at_ms: int) -> CustomerEvent:
    """The event of an alert that she was not told."""
    return CustomerEvent(
        id=derived_id("withheld", alert.id),
        uid=alert.uid,
        kind=WITHHELD,
        occurred_at=from_epoch_ms(at_ms),
        visit=alert.visit,
        alert=alert.id,
        pid=alert.pid,
        sku=alert.sku,
        store=alert.store,
        note=alert.kind,
    )


def as_withheld(alert: CustomerAlert, at_ms: int) -> NewRecord:
    """The log's record of an alert that she was not told."""
    event = withheld_event(alert, at_ms)
    return NewRecord(CUSTOMERS_EVENTS, alert.uid, event.to_text(), at_ms, event.id)
