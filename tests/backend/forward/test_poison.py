"""Which records Kafka refuses for themselves."""

from confluent_kafka import KafkaError

from endcap_backend.pipeline.poison import Poison

ROWS = [(offset, "customers_locations", "u1", f"fix {offset}", 0) for offset in range(1, 9)]
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")


def test_records_are_reported_on_only_while_what_failed_is_sent_again():
    poison = Poison()
    assert poison.report is None
    poison.suspect(ROWS, alone=False)
    poison.settle(7)
    assert poison.report is not None
    poison.settle(8)
    assert poison.report is None


def test_what_librdkafka_itself_refuses_is_dead_lettered_with_its_reason():
    poison = Poison()
    poison.blame(3, TOO_LARGE)
    assert poison.settle(2) == []
    assert poison.settle(8) == [(3, "too large")]
    assert poison.settle(8) == []
