import pytest

from endcap.testing import a_product
from endcap_backend.retail.catalogue import put_placements


@pytest.fixture
def shop(make_api, database):
    """An application over a database of its own, of each kind we run on; nobody has begun a session."""
    return make_api(database=database)


@pytest.fixture
def a_shelf():
    """Puts one product on a shelf of store s1."""

    def put(database):
        with database.writing() as connection:
            put_placements(connection, [a_product(stock=0)], 0)

    return put
