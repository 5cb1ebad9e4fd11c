"""What a newcomer starts, `make demo` and `make app`, each a process of its own: from the first run to the till."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from endcap_devkit.demo.city import load_city
from endcap_shopper.ui.virtual_screen import VirtualScreen

VISIT = Path(__file__).with_name("first_visit.py")
WAIT_S = 120.0
STORE, OFFER, COUPON = "footlight", "Rain parka, black", "Two for one: Rain parka, black"


@pytest.fixture
def demo(tmp_path):
    """The demo on free ports, with a cache folder of its own; what it printed, by name."""
    env = os.environ | {"ENDCAP_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "endcap_devkit", "demo", "--shoppers", "1", "--phones", "0"]
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=env)
    said = dict(lines_of(running))
    said["settings"] = tmp_path / "cache" / "demo.env"
    yield said
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=WAIT_S)


def lines_of(running):
    for line in running.stdout:
        if found := re.match(r"  (\w+(?: \w+)?) +(http\S+)(?:  \(name \S+, password (\S+)\))?", line):
            yield found[1], found[2]
            if found[3]:
                yield "password", found[3]
        if line.startswith("Ctrl-C"):
            return


@pytest.mark.slow
@pytest.mark.display
def test_an_offer_comes_as_a_card_and_its_coupon_is_known_at_the_till(demo, tmp_path):
    store = load_city().store(STORE)
    product = next(each for each, _ in store.products if each.name == OFFER)
    visit = {
        "switches": ["--data", str(tmp_path / "app")],
        "store": store.premises.name,
        "shelf": [product.latitude_deg, product.longitude_deg],
        "offer": OFFER,
        "coupon": COUPON,
    }
    with VirtualScreen() as screen:
        ran = subprocess.run(
            ["sh", "-c", '. "$0"; exec "$@"', demo["settings"], sys.executable, VISIT, json.dumps(visit)],
            capture_output=True, text=True, timeout=2 * WAIT_S, env=os.environ | {"DISPLAY": screen.display},
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    backend = demo["Backend"].removesuffix("/readyz")
    signed_in = httpx.post(
        f"{backend}/v1/staff/sessions", json={"name": "manager", "password": demo["password"]}, timeout=WAIT_S
    ).json()
    basket = [{"sku": product.sku, "quantity": 2, "price": product.price}]
    sale = {"id": "till-1.1", "code": json.loads(ran.stdout)["code"], "store": STORE, "basket": basket}
    till = {"Authorization": f"Bearer {signed_in['token']}"}
    redeemed = httpx.post(f"{backend}/v1/redemptions", json=sale, headers=till, timeout=WAIT_S)
    assert redeemed.status_code == 201, redeemed.text
    assert f"demo-{product.sku}" in [each.get("coupon") for each in redeemed.json()["applied"]]
