from collections.abc import Callable
from threading import Condition

import pytest

from endcap.messages import CUSTOMERS_ALERTS, CustomerAlert, CustomerLocation, ProductPromotion, StoreProduct
from endcap.testing import NOON, ManualClock, a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.log import Log, NewRecord

NOON_MS = epoch_ms(NOON)
KEYS: dict[type, Callable] = {
    CustomerLocation: lambda message: message.uid,
    CustomerAlert: lambda message: message.uid,
    StoreProduct: lambda message: str(message.sku),
    ProductPromotion: lambda message: message.segment,
}


class RecordingPush:
    """A `Push` that keeps what it was given; each `publish` takes the next of `answers`, else it takes everything."""

    def __init__(self, *answers):
        self.attempts = []
        self.taken = []
        self._answers = list(answers)
        self._changed = Condition()

    def publish(self, alerts):
        with self._changed:
            answer = self._answers.pop(0) if self._answers else [None] * len(alerts)
            results = answer(alerts) if callable(answer) else answer
            self.attempts.append(list(alerts))
            if not isinstance(results, Exception):
                self.taken += [alert for alert, result in zip(alerts, results, strict=True) if result is None]
            self._changed.notify_all()
        if isinstance(results, Exception):
            raise results
        return results

    def close(self):
        self._answers.clear()

    def until_taken(self, count, timeout_s=10.0):
        with self._changed:
            return self._changed.wait_for(lambda: len(self.taken) >= count, timeout_s)

    def until_attempts(self, count, timeout_s=10.0):
        with self._changed:
            return self._changed.wait_for(lambda: len(self.attempts) >= count, timeout_s)


@pytest.fixture
def recording_push():
    return RecordingPush


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def records(tmp_path, clock):
    """A log of its own, open for the length of the test."""
    log = Log(tmp_path / "log.db", clock=clock)
    yield log
    log.close()


@pytest.fixture
def as_record():
    """Builds the record of a message, `after_s` seconds after noon."""

    def build(message, after_s=0.0):
        return NewRecord(
            type(message).TOPIC,
            KEYS[type(message)](message),
            message.to_text(),
            NOON_MS + round(after_s * 1000),
            getattr(message, "id", None),
        )

    return build


@pytest.fixture
def a_shop(as_record):
    """Four promoted products within the shop, SKU 1 to 4, the lower the dearer the discount."""
    products = [a_product(sku=sku, name=f"product {sku}") for sku in range(1, 5)]
    promotions = [a_promotion(pid=f"p{sku}", sku=sku, discount=50.0 - sku, title=f"offer {sku}") for sku in range(1, 5)]
    return [as_record(each, -3600) for each in products + promotions]


@pytest.fixture
def a_fix_of(as_record):
    """Builds the record of a shopper's fix in the shop."""

    def build(uid="ann", number=1, after_s=0.0, **changes):
        return as_record(a_location(uid=uid, id=f"{uid}:{number}", **changes), after_s)

    return build


@pytest.fixture
def alerts_in():
    """The alerts a log holds, in order."""

    def read(log):
        return [CustomerAlert.from_text(each.value) for each in log.read(0, 10_000, (CUSTOMERS_ALERTS,))]

    return read


@pytest.fixture
def until():
    """Wait, bounded, until the log's records satisfy a condition; every append wakes it."""

    def wait(log, satisfied, timeout_s=10.0):
        end = -1
        while not satisfied():
            end = max(end + 1, log.end())
            if not log.wait(end, timeout_s):
                return satisfied()
        return True

    return wait
