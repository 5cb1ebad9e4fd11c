import re


def figures(api):
    lines = api.get("/metrics", token="").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_a_process_that_answers_is_healthy(api):
    assert api.get("/healthz", token="").get_json() == {"status": "ok"}


def test_who_asks_for_nothing_is_told_what_there_is(api):
    answer = api.get("/", token="")
    assert (answer.status_code, answer.headers["Vary"]) == (200, "Accept")
    assert {"/console", "/openapi.json", "/healthz"} <= set(answer.get_json().values())
    for path in set(answer.get_json().values()) - {"/console"}:
        assert api.get(path, token="").status_code == 200, path


def test_a_browser_that_asks_for_nothing_is_sent_to_the_console(api):
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = api.get("/", token="", headers=browser)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console")


def test_a_backend_that_can_store_is_ready(api):
    answer = api.get("/readyz", token="")
    assert answer.status_code == 200
    told = {"ready": True, "degraded": False, "log": "writable", "pipeline": "running", "delivery": "set up"}
    assert answer.get_json() == told


def test_without_its_pipeline_it_is_ready_but_degraded(api):
    api.pipeline.up = False
    answer = api.get("/readyz", token="")
    assert (answer.status_code, answer.get_json()["degraded"]) == (200, True)


def test_without_an_ably_key_it_is_ready_but_degraded_and_says_why(make_api):
    answer = make_api(ably_key="").get("/readyz", token="")
    assert (answer.status_code, answer.get_json()["degraded"]) == (200, True)
    assert answer.get_json()["delivery"] == "no ENDCAP_ABLY_KEY: alerts are decided and kept, and nobody is told"


def test_with_kafka_the_cluster_delivers_and_no_key_is_missed(make_api):
    answer = make_api(ably_key="", pipeline="kafka", kafka_bootstrap_servers="localhost:1").get("/readyz", token="")
    assert (answer.get_json()["degraded"], answer.get_json()["delivery"]) == (False, "set up")


def test_with_a_full_log_it_is_not_ready_and_says_why(make_api, a_location):
    api = make_api(max_records=1)
    api.enter()
    api.post("/v1/locations", {"locations": [a_location()]})
    answer = api.get("/readyz", token="")
    assert (answer.status_code, answer.get_json()["ready"]) == (503, False)
    assert answer.get_json()["log"] == "the log holds 1 records, its bound; old ones go first"
    assert int(answer.headers["Retry-After"]) > 0


def test_with_a_closed_log_it_is_not_ready(api):
    api.log.close()
    assert api.get("/readyz", token="").status_code == 503


def test_what_became_of_fixes_is_counted(api, a_location):
    api.post("/v1/locations", {"locations": [a_location(), a_location(), a_location(latitude=91)]})
    found = figures(api)
    topic = 'topic="customers_locations"'
    assert found[f'endcap_messages_total{{outcome="accepted",{topic}}}'] == 1
    assert found[f'endcap_messages_total{{outcome="duplicate",{topic}}}'] == 1
    assert found[f'endcap_messages_total{{outcome="rejected",{topic}}}'] == 1
    assert found[f'endcap_rejected_total{{field="latitude",{topic}}}'] == 1


def test_requests_are_counted_by_route_and_status(api):
    api.get("/healthz", token="")
    api.get("/no/such/path", token="")
    found = figures(api)
    assert found['endcap_http_requests_total{method="GET",route="/healthz",status="200"}'] == 1
    assert found['endcap_http_requests_total{method="none",route="none",status="404"}'] == 1


def test_refusals_are_counted_by_reason(make_api, a_location):
    api = make_api(user_requests_burst=1)
    api.enter("promotions")
    api.get("/v1/me/consent", token="bad")
    api.post("/v1/locations", {"locations": [a_location()]})
    api.get("/v1/me/consent")
    found = figures(api)
    assert {reason: found[f'endcap_refused_total{{reason="{reason}"}}'] for reason in ("token", "consent", "rate")} == {
        "token": 1,
        "consent": 1,
        "rate": 1,
    }


def test_the_log_and_the_pipeline_are_told_of(api, a_location):
    api.post("/v1/locations", {"locations": [a_location()]})
    api.log.commit("match", 0)
    found = figures(api)
    assert (found["endcap_log_records"], found["endcap_log_end"]) == (1, 1)
    assert found["endcap_disk_free_bytes"] > 0
    assert found['endcap_consumer_lag{consumer="match"}'] == 1
    assert found['endcap_pipeline{stat="match records"}'] == 7


def test_two_backends_in_one_process_count_apart(make_api):
    first, second = make_api(), make_api()
    first.enter()
    assert figures(first)['endcap_sessions_total{what="begun"}'] == 1
    assert 'endcap_sessions_total{what="begun"}' not in figures(second)


def test_metrics_are_prometheus_text(api):
    answer = api.get("/metrics", token="")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert re.search(r"^# HELP endcap_log_records ", answer.text, re.MULTILINE)
