"""Records that Kafka refuses for themselves, so that trying again can't help: which they are, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, Message

from endcap_backend.pipeline.blocks import Block, Row

POISON = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_MSG_SIZE,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.INVALID_RECORD,
}
Report = Callable[[KafkaError | None, Message], None]
Sent = tuple[str | None, bytes | None, bytes | None]  # topic, key and value, as librdkafka gives them back


class Poison:
    """What was refused in one transaction is suspected, and sent in halves, quarters … by the next ones, until one is
    refused alone: only that is to blame, since it spoils the request that it travels in. The forwarder's thread.

    Records are reported on only while what failed is sent again: a report of each costs a fifth of all sending.
    """

    def __init__(self) -> None:
        self.reasons: dict[int, str] = {}  # offset -> why it can't be sent, until it is dead-lettered
        self._suspects: set[int] = set()
        self._together = 1  # suspects that may travel in one transaction
        self._refused: dict[Sent, str] = {}
        self._reporting_to = -1  # the last offset of what failed

    @property
    def report(self) -> Report | None:
        """Whom librdkafka is to tell of each record that does not arrive; nobody as long as all do."""
        return None if self._reporting_to < 0 else self.hear

    def begin(self) -> None:
        """A transaction begins: what was heard before is of another."""
        self._refused.clear()

    def hear(self, error: KafkaError | None, message: Message) -> None:
        """librdkafka's report of a record that did not arrive."""
        if error is not None and error.code() in POISON:
            self._refused[message.topic(), message.key(), message.value()] = error.str()

    def blame(self, offset: int, error: KafkaError) -> None:
        """A record that librdkafka itself won't take."""
        if error.code() in POISON:
            self.reasons[offset] = error.str()

    def suspect(self, rows: Iterable[Row], *, alone: bool) -> None:
        """After a transaction of these records failed; `alone`: there was no other."""
        found = {}
        for row in rows:
            self._reporting_to = max(self._reporting_to, row[0])
            if (reason := self._refused.get(_sent(row))) is not None:
                found[row[0]] = reason
        if alone:
            self.reasons |= found
        elif found:
            self._suspects |= found.keys()
            self._together = max(1, len(found) // 2)

    def apart(self, block: Block) -> Block:
        """Of a block what may go together: up to the first suspect, or so many from it on."""
        suspects = [at for at, row in enumerate(block.rows) if row[0] in self._suspects] if self._suspects else []
        if not suspects:
            return block
        if suspects[0] > 0:
            end = suspects[0]
        else:
            end = 1 if self._together == 1 else [*suspects, len(block.rows)][min(self._together, len(suspects))]
        rows = block.rows[:end]
        return Block(rows, rows[-1][0], full=False)

    def settle(self, end: int) -> list[tuple[int, str]]:
        """All up to an offset have arrived; which of them as dead letters, and why."""
        if end >= self._reporting_to:
            self._reporting_to = -1
        if not self._suspects and not self.reasons:
            return []
        self._suspects = {offset for offset in self._suspects if offset > end}
        return [(offset, self.reasons.pop(offset)) for offset in sorted(self.reasons) if offset <= end]


def _sent(row: Row) -> Sent:
    _, topic, key, value, _ = row
    return topic, None if key is None else key.encode(), None if value is None else value.encode()
