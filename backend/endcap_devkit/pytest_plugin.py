"""pytest's way to the devkit: a local Ably for each test that asks for one.

    def test_the_app_hears_an_offer(ably_server):
        app = App(ably_endpoint=ably_server.url, ably_key=ably_server.key)

`@pytest.mark.ably(tls_port=0, settings=Settings(limits=True))` gives `AblyServer` its options. `kafka_broker` is a real
Apache Kafka, one for the whole session; `kafka_emptied` is the same one without any topic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from endcap_devkit.ably_server import AblyServer
    from endcap_devkit.kafka.broker import KafkaBroker


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ably(**options): what the ably_server fixture starts AblyServer with")


@pytest.fixture
def ably_server(request: pytest.FixtureRequest) -> Iterator[AblyServer]:
    """A local Ably on free ports, of this test alone."""
    from endcap_devkit.ably_server import AblyServer  # aiohttp only where it is used

    mark = request.node.get_closest_marker("ably")
    with AblyServer(**(mark.kwargs if mark else {})) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[KafkaBroker]:
    """A real broker on a free port, started when the first test asks for it."""
    from endcap_devkit.kafka.broker import KafkaBroker  # Java, and jars that are fetched once

    with KafkaBroker() as broker:
        yield broker


@pytest.fixture
def kafka_emptied(kafka_broker: KafkaBroker) -> KafkaBroker:
    """The session's broker, with no topic but its own and no consumer group."""
    kafka_broker.empty()
    return kafka_broker
