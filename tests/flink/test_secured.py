"""As on Confluent Cloud: TLS, a login, and no more rights than backend/infra/terraform/access.tf gives the match."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from endcap.messages import CustomerLocation, ProductPromotion, StoreProduct
from endcap_backend.__main__ import main
from endcap_devkit.kafka.broker import KafkaBroker
from endcap_devkit.kafka.security import CLIENT

NOW_MS = 1_764_000_000_000
SHOP = ("customers_locations", "stores_products", "products_promotions")
RULES = [
    *((ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, AclOperation.READ) for topic in SHOP),
    (ResourceType.TOPIC, "VALID_PROMOTIONS", ResourcePatternType.LITERAL, AclOperation.ALL),
    (ResourceType.TOPIC, "NEARBY_CUSTOMERS", ResourcePatternType.LITERAL, AclOperation.ALL),
    (ResourceType.GROUP, "endcap-match", ResourcePatternType.PREFIXED, AclOperation.READ),
    (ResourceType.TRANSACTIONAL_ID, "endcap-match", ResourcePatternType.PREFIXED, AclOperation.WRITE),
    (ResourceType.TRANSACTIONAL_ID, "endcap-match", ResourcePatternType.PREFIXED, AclOperation.DESCRIBE),
]


@pytest.fixture
def secured() -> Iterator[KafkaBroker]:
    with KafkaBroker(secure=True) as broker:
        admin = AdminClient(broker.client_config())
        rules = [
            AclBinding(kind, name, pattern, f"User:{CLIENT.name}", "*", operation, AclPermissionType.ALLOW)
            for kind, name, pattern, operation in RULES
        ]
        for made in admin.create_acls(rules).values():
            made.result(30)
        yield broker


def test_the_match_runs_with_a_login_and_the_least_rights(
    secured: KafkaBroker,
    cluster: Any,
    cancel: Callable[[Any], None],
    topics_on: Callable[[KafkaBroker, str], Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    match = topics_on(secured, "")
    (tmp_path / "secret").write_text(CLIENT.password)
    login = ["--kafka-sasl-username", CLIENT.name, "--kafka-sasl-password-file", str(tmp_path / "secret")]
    assert secured.security is not None
    trust = ["--kafka-ca-file", str(secured.security.ca)]
    assert main(["flink", "--gateway", cluster.gateway_url, "--kafka", secured.bootstrap, *login, *trust]) == 0
    match.job = json.loads(capsys.readouterr().out)["job"]
    shelf = {"latitude_deg": 60.17, "longitude_deg": 24.94, "country": "FIN"}
    messages = (
        StoreProduct(sku=7, segment="tea", **shelf),
        ProductPromotion(pid="p1", segment="tea"),
        CustomerLocation(uid="u1", **shelf),
    )
    match.send((each.TOPIC, None, each.to_text().encode(), NOW_MS) for each in messages)
    (row,) = match.rows(lambda rows: len(rows) == 1)
    assert (row.key, row.value["PID"]) == ("u1", "p1")
    cancel(match)
