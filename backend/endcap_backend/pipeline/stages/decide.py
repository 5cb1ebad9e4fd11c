"""The decision on Kafka: whoever has a shopper's partition of `NEARBY_CUSTOMERS` decides what she is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping

from endcap.clock import Clock, SystemClock
from endcap.messages import CUSTOMERS_EVENTS, NEARBY_CUSTOMERS, ProductPromotion
from endcap.wire import epoch_ms
from endcap_backend.decide import Limits
from endcap_backend.match.surroundings import Shop
from endcap_backend.pipeline.deciding import Deciding
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.learning import Learning
from endcap_backend.pipeline.stages.attention import Attention
from endcap_backend.pipeline.stages.decisions import NAME, Decisions
from endcap_backend.pipeline.stages.heard import WRITTEN, Heard
from endcap_backend.pipeline.stages.lasting import Lasting
from endcap_backend.pipeline.stages.match import Changed, changes_in
from endcap_backend.pipeline.stages.reading import Place, offsets_at, partitions_of, read_between
from endcap_backend.pipeline.stages.records import Inflow, Share, Start
from endcap_backend.pipeline.stages.shop import TOPICS as SHOP_TOPICS
from endcap_backend.pipeline.stages.shop import ShopTopics, read_note
from endcap_backend.pipeline.stages.stage import Stage
from endcap_backend.pipeline.stages.topics import check_alike, ensure_topics
from endcap_backend.pseudonym import Pseudonyms

log = logging.getLogger("endcap.stages")

TOPICS = (NEARBY_CUSTOMERS, CUSTOMERS_EVENTS)  # of each shopper both lie in partitions of one number
HOLD_S = 1.0  # an event is here at once, a fix of before it only after the match


class DecisionWork:
    """The work of the stage: it also follows the shop, for what waits and for what shoppers seek.

    The shop and what is known of shoppers are shared by all partitions that this worker has.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: Limits,
        clock: Clock,
        learning: Learning,
        held_out: float = 0.0,
        currency: str = "EUR",
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._clock = clock
        self._learning = learning
        self._held_out = held_out
        self._currency = currency
        self._attention = Attention(learning, self._unbar)
        self._lasting = Lasting(pseudonyms)
        self._heard = Heard(settings, clock)
        self._topics = ShopTopics(settings)
        self._shop: Shop | None = None  # as it stands at the topics' positions
        self._shares: dict[int, Decisions] = {}
        self._partitions = 0  # of the stage, as of the last time that some were taken on
        self._has_all = False  # of them

    def take_on(self, starts: Mapping[int, Start]) -> Mapping[int, Share]:
        """Read again what was decided, the rows and events of the last visit's gap, and the shop."""
        now_ms = epoch_ms(self._clock.now())
        gap_ms = now_ms - int(self._limits.visit_gap_s * 1000)
        self._partitions = partitions_of(self._settings, (NEARBY_CUSTOMERS,))[NEARBY_CUSTOMERS]
        self._has_all = len(starts) >= self._partitions
        self._topics.begin()
        shop = self._whole_shop()
        taken = {number: self._decisions(number, shop) for number in starts}
        self._heard.catch_up()
        for topic in TOPICS:
            for record in self._dealt_with(topic, starts, gap_ms):
                taken[record.partition].recall(record)
        self._catch_up(starts, taken, offsets_at(self._settings, list(self._topics.positions), gap_ms))
        self._shares |= taken
        log.info("the decisions of partitions %s are rebuilt", sorted(taken))
        return taken

    def look(self, shares: Mapping[int, Share]) -> None:
        self._lasting.forget_old()
        self._shares = {number: share for number, share in shares.items() if isinstance(share, Decisions)}
        self._has_all = 0 < self._partitions <= len(self._shares)
        if not self._shares:
            return
        told = self._heard.follow()
        for share in self._shares.values():
            share.hear(told)
        for changed in changes_in(self._topics.take()):
            self._put(changed)
            for share in self._shares.values():
                share.change(changed.change, changed.timestamp_ms)
        for share in self._shares.values():
            share.shop = self._topics.positions

    def stats(self) -> Mapping[str, float]:
        total: Counter[str] = Counter()
        for share in list(self._shares.values()):
            total.update(share.deciding.stats())
        total["known"] = len(self._learning.knowledge)
        known = {f"knowledge {name}": value for name, value in self._learning.stats().items()}
        shelves = {f"shop {name}": value for name, value in self._shop.stats().items()} if self._shop else {}
        return {**total, **known, **shelves, **self._lasting.stats()}

    def close(self) -> None:
        self._topics.close()
        self._heard.close()

    def _decisions(self, number: int, shop: Shop) -> Decisions:
        deciding = Deciding(
            self._limits,
            self._clock,
            shop=shop,
            knowledge=self._learning.knowledge,
            held_out=self._held_out,
            currency=self._currency,
            held_back=self._is_held_back,
        )
        return Decisions(number, deciding, self._attention, self._lasting, self._heard)

    def _is_held_back(self, uid: str) -> bool:
        """Whether another worker may be telling her something at this moment, by her name of before midnight."""
        return not self._has_all and self._lasting.is_turning(uid)

    def _whole_shop(self) -> Shop:
        """The shop as its topics have it up to where they are followed from; read once."""
        if self._shop is None:
            self._shop = Shop()
            for changed in changes_in(self._topics.past()):
                self._put(changed)
        return self._shop

    def _put(self, changed: Changed) -> None:
        assert self._shop is not None
        self._shop.put(changed.change, changed.timestamp_ms)
        if isinstance(changed.change, ProductPromotion):
            self._attention.promote(changed.change.pid)

    def _unbar(self, uid: str) -> None:
        for share in self._shares.values():
            share.deciding.unbar(uid)

    def _catch_up(
        self, starts: Mapping[int, Start], taken: Mapping[int, Decisions], since: Mapping[Place, int]
    ) -> None:
        """What changed in the shop for what waits; shoppers hear of what came after their partition's last commit."""
        known = {number: read_note(start.note) or self._topics.positions for number, start in starts.items()}
        first = {
            place: min(offset, *(each.get(place, 0) for each in known.values())) for place, offset in since.items()
        }
        if any(each != self._topics.positions for each in known.values()):
            self._attention.shoppers({uid for share in taken.values() for uid in share.deciding.standing()})
        for changed in changes_in(self._topics.past(first)):
            for number, share in taken.items():
                how = share.change if changed.comes_after(known[number]) else share.know
                how(changed.change, changed.timestamp_ms)
        for share in taken.values():
            share.shop = self._topics.positions

    def _dealt_with(self, topic: str, starts: Mapping[int, Start], since_ms: int) -> Iterable[Inflow]:
        done = {(topic, number): start.positions[topic] or 0 for number, start in starts.items()}
        first = offsets_at(self._settings, list(done), since_ms)
        return read_between(self._settings, {place: (first[place], end) for place, end in done.items()})


def decide_stage(
    settings: KafkaSettings,
    limits: Limits,
    clock: Clock | None = None,
    *,
    learning: Learning | None = None,
    held_out: float = 0.0,
    currency: str = "EUR",
    pseudonyms: Pseudonyms | None = None,
) -> Stage:
    """The stage that decides. Without `learning` nothing is known of anybody but what happens on her phone.

    Without `pseudonyms` it takes only records under lasting uids.
    """
    clock = clock or SystemClock()
    learning = learning or Learning(clock=clock)

    def make() -> DecisionWork:
        letters = [f"{topic}_dlq" for topic in TOPICS]
        found = ensure_topics(settings, (*TOPICS, *WRITTEN, *letters, *SHOP_TOPICS))
        check_alike({topic: found[topic] for topic in (*TOPICS, *WRITTEN)})
        return DecisionWork(settings, limits, clock, learning, held_out, currency, pseudonyms)

    return Stage(settings, NAME, TOPICS, make, clock=clock, hold_s=HOLD_S)
