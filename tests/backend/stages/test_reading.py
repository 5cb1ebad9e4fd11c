"""Where in a topic reading begins."""

from confluent_kafka import OFFSET_END

from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_backend.pipeline.stages import reading
from endcap_backend.pipeline.stages.reading import offsets_at


def test_a_record_that_comes_while_the_beginning_is_looked_for_is_not_passed_over(monkeypatch):
    """At the first question nothing is of that time or later, and before the second three records come."""
    place, ends = ("customers_alerts", 0), iter([0, 3])

    def listed(settings, places, which, *level):
        end = next(ends)
        return {place: end if level else OFFSET_END if end == 0 else 0}

    monkeypatch.setattr(reading, "_listed", listed)
    assert offsets_at(KafkaSettings("127.0.0.1:9092"), [place], 1_000) == {place: 0}
