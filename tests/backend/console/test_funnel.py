import json
import re
from collections import Counter
from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.messages import CUSTOMERS_ALERTS, CUSTOMERS_EVENTS
from endcap.testing import NOON, an_alert
from endcap.wire import epoch_ms
from endcap_backend.config import Settings
from endcap_backend.console.funnel import STEPS, funnel, totals
from endcap_backend.console.pages.frame import ROWS
from endcap_backend.log import Log, NewRecord

NOON_MS = epoch_ms(NOON)


def told(number, uid="ann", pid="p1", store="s1", at_ms=NOON_MS):
    text = an_alert(id=f"a{number}", uid=uid, pid=pid, store=store).to_text()
    return NewRecord(CUSTOMERS_ALERTS, uid, text, at_ms, f"a{number}")


def became(number, kind, uid="ann", pid="p1", store="s1", at_ms=NOON_MS):
    event = {"id": f"e{number}", "uid": uid, "kind": kind, "pid": pid, "store": store}
    return NewRecord(CUSTOMERS_EVENTS, uid, json.dumps(event), at_ms, f"e{number}")


def test_each_step_is_counted_by_promotion(shop):
    shop.log.append([told(1), told(2, pid="p2"), told(3, uid="bob"), became(1, "shown"), became(2, "opened")])
    shop.log.append([became(3, "redeemed"), became(4, "withheld", uid="eve"), became(5, "enter")])
    rows = {row.name: row.steps for row in funnel(shop.log, "promotion", 0)}
    assert rows["p1"] == {"near": 3, "told": 2, "shown": 1, "opened": 1, "clipped": 0, "redeemed": 1}
    assert rows["p2"]["told"] == 1


def test_by_store_and_by_hour(shop):
    hour_ms = 3_600_000
    shop.log.append([told(1), told(2, store="s2"), told(3, at_ms=NOON_MS + hour_ms)])
    assert {row.name: row.steps["told"] for row in funnel(shop.log, "store", 0)} == {"s1": 2, "s2": 1}
    by_hour = {row.name: row.steps["told"] for row in funnel(shop.log, "hour", 0)}
    assert by_hour == {f"{NOON:%Y-%m-%dT%H}:00Z": 2, f"{NOON:%Y-%m-%dT}{NOON.hour + 1}:00Z": 1}


def test_what_is_older_is_left_out(shop):
    shop.log.append([told(1, at_ms=NOON_MS - 1), told(2)])
    assert totals(funnel(shop.log, "promotion", NOON_MS))["told"] == 1


def test_uplift_is_how_much_more_of_those_told_bought(shop):
    shop.log.append([told(n, uid=f"t{n}") for n in range(4)])
    shop.log.append([became(n, "withheld", uid=f"h{n}") for n in range(4)])
    shop.log.append([became(10 + n, "redeemed", uid=uid) for n, uid in enumerate(("t0", "t0", "t1", "t2", "h0", "x"))])
    (row,) = funnel(shop.log, "promotion", 0)
    assert (row.told, row.told_bought, row.held, row.held_bought) == (4, 3, 4, 1)
    assert row.uplift == 50.0


def test_who_buys_without_an_offer_and_what_names_no_promotion_is_not_weighed(shop):
    shop.log.append([told(1, pid=None), told(2, uid="eve", pid="p2"), became(1, "redeemed", uid="eve", pid="p1")])
    rows = {row.name: (row.told, row.told_bought) for row in funnel(shop.log, "promotion", 0)}
    assert rows == {"": (0, 0), "p1": (0, 0), "p2": (1, 0)}


def test_what_a_device_dates_ahead_of_the_server_is_counted(shop):
    now_ms = epoch_ms(shop.clock.now())
    shop.log.append([told(1, at_ms=now_ms + 240_000)])
    assert totals(funnel(shop.log, "promotion", now_ms + 240_000))["told"] == 1


def test_without_a_held_out_group_nobody_knows(shop):
    shop.log.append([told(1), became(1, "redeemed")])
    assert funnel(shop.log, "promotion", 0)[0].uplift is None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["told", "shown", "opened", "clipped", "redeemed", "withheld", "enter"]),
            st.sampled_from(["ann", "bob"]),
            st.sampled_from(["p1", "p2", None]),
            st.sampled_from(["s1", "s2", None]),
            st.integers(0, 7_200_000),
        ),
        max_size=30,
    )
)
def test_the_totals_are_the_log_s_however_they_are_cut(tmp_path_factory, happened):
    log = Log(tmp_path_factory.mktemp("funnel") / "log.db", durability="fast")
    for number, (kind, uid, pid, store, later_ms) in enumerate(happened):
        make = told if kind == "told" else lambda number, kind=kind, **more: became(number, kind, **more)
        log.append([make(number, uid=uid, pid=pid, store=store, at_ms=NOON_MS + later_ms)])
    counted = Counter(kind for kind, *_ in happened)
    expected = {step: counted[step] for step in STEPS} | {"near": counted["told"] + counted["withheld"]}
    for by in ("promotion", "store", "hour"):
        assert totals(funnel(log, by, 0)) == expected
    log.close()


def test_of_very_many_rows_the_page_shows_the_first_and_counts_all(shop, enter):
    shop.log.append([told(n, pid=f"p{n:03}") for n in range(ROWS + 3)])
    page = enter().get("/console/funnel?by=promotion&hours=72").text
    assert page.count("<td>p") == ROWS
    assert "3 rows with fewer offers are not shown" in page
    assert f"<b>{ROWS + 3}</b><span>told</span>" in page


def test_the_page_shows_it(shop, enter):
    shop.log.append([told(1), became(1, "opened")])
    page = enter().get("/console/funnel?by=store&hours=72").text
    assert "<td>s1</td>" in page
    named = re.findall(r"setting <code>(\w+)</code>", page)
    assert named
    assert set(named) <= {each.name for each in fields(Settings)}
    assert enter("staff").get("/console/funnel?by=nonsense&hours=-3").status_code == 200
