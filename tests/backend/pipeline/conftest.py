from collections.abc import Callable
from threading import Condition

import pytest

from endcap.messages import (
    CUSTOMERS_ALERTS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_LOCATIONS,
    PRODUCTS_PROMOTIONS,
    CustomerAlert,
    CustomerEvent,
    CustomerLocation,
    ProductPromotion,
    StoreProduct,
)
from endcap.testing import NOON, ManualClock, a_location, a_product, a_promotion
from endcap.wire import epoch_ms
from endcap_backend.log import Log, NewRecord
from endcap_backend.match.surroundings import Shop
from endcap_backend.pipeline.deciding import Deciding
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.stages.attention import Attention
from endcap_backend.pipeline.stages.decisions import Decisions
from endcap_backend.pipeline.stages.match import Cells, read_change
from endcap_backend.pipeline.stages.records import Inflow
from endcap_backend.pipeline.stages.topics import LOCATIONS_BY_CELL, OFFERS_WITHHELD

NOON_MS = epoch_ms(NOON)
KEYS: dict[type, Callable] = {
    CustomerLocation: lambda message: message.uid,
    CustomerAlert: lambda message: message.uid,
    StoreProduct: lambda message: str(message.sku),
    ProductPromotion: lambda message: message.segment,
    CustomerEvent: lambda message: message.uid,
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


class TwoPrograms:
    """A match with one partition and a decision with one, without a broker between them."""

    def __init__(self, limits, clock, learning=None, **more):
        learning = learning or Learning(clock=clock)
        self._cells = Cells(0, 1)
        self._shop = Shop()
        deciding = Deciding(limits, clock, shop=self._shop, knowledge=learning.knowledge, **more)
        self._attention = Attention(learning, deciding.unbar)
        self._decisions = Decisions(0, deciding, self._attention)
        self._read = 0

    def handle(self, topic, key, message, at_ms):
        value = None if message is None else message.to_text().encode()
        record = Inflow(topic, 0, 0, key, value, at_ms, {})
        found = []
        if topic == CUSTOMERS_EVENTS:
            found = [record]
        elif topic == CUSTOMERS_LOCATIONS:
            found = self._cells.handle([record._replace(topic=LOCATIONS_BY_CELL)]).produced
        else:
            change = read_change(record)
            self._cells.tell(change, at_ms)
            found = self._cells.handle([]).produced
            self._shop.put(change, at_ms)
            if topic == PRODUCTS_PROMOTIONS:
                self._attention.promote(change.pid)
            self._decisions.change(change, at_ms)
        rows = [each if isinstance(each, Inflow) else as_read(each) for each in found]
        kinds = {CUSTOMERS_ALERTS: CustomerAlert, OFFERS_WITHHELD: CustomerEvent}
        return [kinds[each.topic].from_text(each.value) for each in self._decisions.handle(rows).produced]

    def tell(self, message, after_s=0):
        """What comes of a message so long after noon."""
        topic, key, at_ms = self.named(message, after_s * 1000)
        return self.handle(topic, key, message, at_ms)

    def named(self, message, after_ms):
        return type(message).TOPIC, KEYS[type(message)](message), NOON_MS + after_ms


def as_read(outflow):
    value = outflow.value.encode() if isinstance(outflow.value, str) else outflow.value
    return Inflow(outflow.topic, 0, 0, outflow.key, value, outflow.timestamp_ms, dict(outflow.headers or {}))


@pytest.fixture
def two_programs():
    return TwoPrograms


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
