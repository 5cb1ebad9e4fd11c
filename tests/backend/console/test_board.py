import re

import pytest


@pytest.fixture
def call(shop):
    """A shopper who asks for help; how the API tells of her call."""

    def call(**more):
        shop.enter()
        answer = shop.post("/v1/help", {"store": "s1", "section": "Tea", "text": "Is it <b>sweet</b>?", **more})
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    return call


def test_a_call_about_a_product_names_it(enter, call):
    call(sku=3)
    assert "Green tea: Is it &lt;b&gt;" in enter("staff").get("/console/board?store=s1").text


def test_a_call_stands_on_the_board_until_it_is_done(shop, enter, call):
    visitor = enter("staff", "eino")
    asked = call()
    shop.clock.advance(125)
    board = visitor.get("/console/help?store=s1").text
    assert "2 min" in board
    assert "Is it &lt;b&gt;sweet&lt;/b&gt;?" in board
    taken = visitor.post("/console/help", store="s1", id=asked["id"], state="coming").text
    assert "coming by eino" in taken
    assert shop.get(f"/v1/help/{asked['id']}").get_json()["state"] == "coming"
    assert "Nobody waits." in visitor.post("/console/help", store="s1", id=asked["id"], state="done").text


def test_two_can_not_take_the_same_call(enter, call):
    first, second = enter("staff", "eino"), enter("staff", "aino")
    asked = call()
    first.post("/console/help", store="s1", id=asked["id"], state="accepted")
    answer = second.post("/console/help", store="s1", id=asked["id"], state="accepted")
    assert answer.status_code == 409
    assert "Not so: it is accepted by eino already." in answer.text


def test_a_till_sees_the_board_and_takes_nothing_on(enter, call):
    visitor = enter("till")
    asked = call()
    board = visitor.get("/console/help?store=s1").text
    assert "Is it" in board
    assert "I take it" not in board
    assert visitor.post("/console/help", store="s1", id=asked["id"], state="accepted").status_code == 403


def test_what_the_script_fetches_is_the_middle_of_the_board(enter, call):
    visitor = enter("staff")
    call()
    middle = visitor.get("/console/board?store=s1").text
    assert "<html" not in middle
    assert re.search(r"0 min", middle)
