"""kill -9 of the backend, again and again under load: what was acknowledged is kept, an offer is made once."""

import threading

import httpx
import pytest

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_LOCATIONS

KILLS = 20
SHOPPERS = 30
PRODUCTS = 30
BETWEEN_KILLS = 20  # acknowledgements
WAIT_S = 60.0
UNLIMITED = {
    "alerts_per_visit": 1000,
    "alerts_per_hour": 1000,
    "alerts_per_day": 1000,
    "alerts_per_promotion": 1000,
    "user_requests_per_s": 1000,
    "user_requests_burst": 1000,
    "sessions_per_s": 1000,
}


class Crowd:
    """Shoppers who walk past every product, post one fix at each, and try again until it is acknowledged."""

    def __init__(self, shoppers):
        self.acknowledged = []
        self._grown = threading.Condition()
        self._threads = [
            threading.Thread(target=self._walk, args=(shoppers[part::4],), daemon=True) for part in range(4)
        ]

    def start(self):
        for thread in self._threads:
            thread.start()

    def until(self, count):
        with self._grown:
            return self._grown.wait_for(lambda: len(self.acknowledged) >= count or not self._walking(), WAIT_S)

    def join(self):
        for thread in self._threads:
            thread.join(WAIT_S)
        assert not self._walking()

    def _walking(self):
        return any(thread.is_alive() for thread in self._threads)

    def _walk(self, shoppers):
        with httpx.Client(timeout=WAIT_S) as client:
            for step in range(PRODUCTS):
                for shopper in shoppers:
                    self._post(shopper, shopper.fix(step, step), client)

    def _post(self, shopper, fix, client):
        while True:
            try:
                answer = shopper.post(fix, client=client)
            except httpx.TransportError:
                continue  # unknown: it may or may not have been taken
            assert answer.status_code == 202, answer.text
            with self._grown:
                self.acknowledged.append(fix["id"])
                self._grown.notify_all()
            return


@pytest.mark.slow
def test_killed_twenty_times_under_load_every_fix_is_kept_and_every_offer_arrives_once(
    serve, a_shopper, ear, handled, log_of, history_problems
):
    backend = serve(PRODUCTS, **UNLIMITED)
    shoppers = [a_shopper(backend) for _ in range(SHOPPERS)]
    ear.listen_to_all([shopper.uid for shopper in shoppers])
    crowd = Crowd(shoppers)
    crowd.start()
    for kill in range(1, KILLS + 1):
        assert crowd.until(kill * BETWEEN_KILLS)
        backend.kill()
        backend.start()
    crowd.join()
    expected = SHOPPERS * PRODUCTS
    handled(backend, lambda log: len(log.read(0, 100_000, (CUSTOMERS_ALERTS,))) == expected, WAIT_S)
    assert ear.until(lambda heard: len(heard) >= expected)
    records = log_of(backend)
    assert sum(each.topic == CUSTOMERS_LOCATIONS for each in records) == expected == len(crowd.acknowledged)
    assert history_problems(crowd.acknowledged, ear.heard, records) == []
