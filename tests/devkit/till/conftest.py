"""What the tests of `endcap till` share: a backend that serves, a shopper, and the command."""

import io

import httpx
import pytest

from endcap.clock import SystemClock
from endcap.testing import a_product
from endcap_backend.api.roles import Role
from endcap_backend.config import Settings
from endcap_backend.retail.catalogue import put_placements
from endcap_backend.retail.coupons import put_coupons
from endcap_backend.retail.database import Database, database_url
from endcap_backend.retail.staff import Staff
from endcap_backend.retail.terms import CouponTerms
from endcap_backend.serve import create_backend
from endcap_devkit.__main__ import main

CONSENT = {"consent": {"purposes": ["promotions"], "text_version": "2026-11"}}
PASSWORD = "correct horse battery"


class Shopper:
    """She has clipped what there is, and shows codes."""

    def __init__(self, url):
        session = httpx.post(f"{url}/v1/sessions", json=CONSENT).json()
        self.headers = {"Authorization": f"Bearer {session['token']}"}
        self.uid = session["uid"]
        self.url = url

    def call(self, method, path):
        return httpx.request(method, self.url + path, headers=self.headers).json()

    def code(self):
        return self.call("POST", "/v1/loyalty/code")["code"]


@pytest.fixture(scope="module")
def served_data(tmp_path_factory):
    """The backend's data folder."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def served(served_data):
    """The URL of a backend whose shop offers two coupons, and its till's account."""
    data = served_data
    backend = create_backend(Settings(port=0, data=data, min_free_mb=0, sign_in_burst=1000))
    database = Database(database_url(data))
    with database.writing() as connection:
        put_placements(connection, [a_product()], 0)
        put_coupons(
            connection,
            [
                CouponTerms("c1", "20 % off coffee", "percent", value=20.0, segment="coffee", auto_clip=True),
                CouponTerms("c2", "1 off tea", "amount", value=1.0, segment="tea", auto_clip=True),
            ],
        )
    Staff(database, SystemClock()).add("till-1", Role.TILL, PASSWORD)
    Staff(database, SystemClock()).add("helper", Role.STAFF, PASSWORD)
    database.close()
    backend.start()
    yield backend.url
    backend.stop()


@pytest.fixture
def make_shopper(served):
    return lambda: Shopper(served)


@pytest.fixture
def shopper(make_shopper):
    return make_shopper()


@pytest.fixture
def password():
    return PASSWORD


@pytest.fixture
def keeps(tmp_path):
    """Where the till keeps what it keeps."""
    return ["--keys", str(tmp_path / "keys.json"), "--drawer", str(tmp_path / "till.db")]


@pytest.fixture
def till(served, keeps, monkeypatch, capsys):
    """Runs the command; its exit status, standard output and standard error."""
    monkeypatch.setenv("ENDCAP_TILL_PASSWORD", PASSWORD)

    def run(*arguments, typed="", url=served):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        status = main(["till", "--url", url, *keeps, *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
