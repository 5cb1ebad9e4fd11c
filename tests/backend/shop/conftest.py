import pytest


@pytest.fixture
def shop(make_api, database):
    """An application over a database of its own, of each kind we run on; nobody has begun a session."""
    return make_api(database=database)
