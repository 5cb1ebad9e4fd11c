"""docs/path-of-a-fix.md is walked: one fix goes through everything, and the calls are compared with the page."""

import importlib
import re
import sys
import threading
from itertools import takewhile
from pathlib import Path

import endcap
from endcap.clock import SystemClock
from endcap.messages import Fix, ProductPromotion, StoreProduct
from endcap.testing import ScriptedSource
from endcap_backend.config import Settings
from endcap_backend.log import NewRecord
from endcap_backend.serve import create_backend
from endcap_devkit.ably_server import AblyServer

PAGE = Path(__file__).parents[2] / "docs" / "path-of-a-fix.md"
STEPS = re.findall(r"^\| (\d+) \| `([\w.]+)` \|", PAGE.read_text(), re.MULTILINE)
WAIT_S = 30
SHELF = (60.17, 24.94)


def code_of(dotted):
    """The code object of `package.module.Class.method`."""
    parts = dotted.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return found.__code__
    raise AssertionError(f"no module in {dotted}")


class Trace:
    """Every call of the page's functions, in order, on whatever thread began while it was on."""

    def __init__(self, names):
        self._wanted = {code_of(name): name for name in names}
        self.calls = []

    def __call__(self, frame, event, _):
        if event == "call" and frame.f_code in self._wanted:
            self.calls.append(self._wanted[frame.f_code])

    def __enter__(self):
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        threading.setprofile(None)


def walked(names, calls):
    """How many of `names` stand in `calls`, one after the other."""
    following = iter(calls)
    return sum(1 for _ in takewhile(bool, (name in following for name in names)))


def shop():
    product = StoreProduct(7, "coffee", *SHELF, store="s1", section="Coffee", name="Dark roast", stock=4)
    promotion = ProductPromotion("p1", "coffee", sku=7, title="Dark roast", discount=20.0)
    return [NewRecord(each.TOPIC, "k", each.to_text(), 0) for each in (product, promotion)]


def test_one_fix_takes_every_step_of_the_page_in_its_order(tmp_path):
    assert [int(number) for number, _ in STEPS] == list(range(1, len(STEPS) + 1))
    names = [name for _, name in STEPS]
    heard = threading.Event()
    with AblyServer() as ably, Trace(names) as trace:
        settings = Settings(port=0, data=tmp_path / "backend", ably_endpoint=ably.url, ably_key=ably.key)
        backend = create_backend(settings)
        backend.log.append(shop())
        source = ScriptedSource()
        config = endcap.Config(backend_url=backend.url, storage_dir=tmp_path / "phone", ably_endpoint=ably.url)
        client = endcap.Endcap(config, source=source)
        client.on_promotion(lambda alert: heard.set())
        client.consent.grant(endcap.Purpose.LOCATION, endcap.Purpose.PROMOTIONS, text_version="test")
        backend.start()
        with client:
            source.emit(Fix(*SHELF, SystemClock().now(), accuracy_m=5.0))
            assert heard.wait(WAIT_S)
        backend.stop()
    assert names[: walked(names, trace.calls)] == names
