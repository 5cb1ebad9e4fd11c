"""The shop's database goes away beneath a running backend, and comes back."""

from endcap_backend.retail.database import Database


def test_while_the_database_is_away_the_till_is_told_to_come_again_and_then_it_goes_on(make_api, postgresql):
    import psycopg

    url = postgresql()
    server, _, name = url.rpartition("/")
    database = Database(url)
    api = make_api(database=database)
    api.enter()
    assert api.get("/v1/loyalty").status_code == 200
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        answers = [api.get("/v1/loyalty") for _ in range(2)]
        assert [each.status_code for each in answers] == [503, 503]
        assert answers[0].headers["Retry-After"] == "2"
        assert "connection" not in answers[0].text
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert api.get("/v1/loyalty").status_code == 200
    database.close()
