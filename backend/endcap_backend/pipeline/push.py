"""Alerts onto Ably's channels, by its REST batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from endcap.errors import EndcapError, Refused
from endcap.messages import CustomerAlert, promotions_channel
from endcap.transports.ably_batch import AblyBatch, AblyItem

MESSAGE_NAME = "alert"
CAPABILITY = {"promotions:*": ["publish"], "help:*": ["publish"]}  # what `token` has to allow


class AblyPush:
    """The `Push` to a real Ably. `token` gives a token with `CAPABILITY`; the message id is the alert's id."""

    def __init__(self, endpoint_url: str, token: Callable[[], str]) -> None:
        self._batch = AblyBatch(endpoint_url, token)

    def publish(self, alerts: Sequence[CustomerAlert]) -> Sequence[EndcapError | None]:
        """Each on its shopper's channel; when Ably refuses the request as a whole, each by itself."""
        try:
            return [outcome.error for outcome in self._batch.publish([_item(alert) for alert in alerts])]
        except Refused as fault:
            if len(alerts) == 1:
                return [fault]
            return [result for alert in alerts for result in self.publish([alert])]

    def close(self) -> None:
        self._batch.close()


def _item(alert: CustomerAlert) -> AblyItem:
    return AblyItem(promotions_channel(alert.uid), alert.id, MESSAGE_NAME, alert.to_text())
