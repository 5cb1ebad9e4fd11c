"""What a shopper lives through, in a real Chromium, against a real local Ably."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_one_tap_and_a_walk_bring_an_offer(lite, shop, walker):
    walker.stand(north_m=100)
    walker.page.goto(lite.url)
    walker.page.get_by_role("button", name="Use my location").click()
    expect(walker.page.get_by_role("status")).to_contain_text("Found you")
    expect(walker.page.get_by_role("listitem")).to_have_count(0)
    walker.stand(north_m=3)
    card = walker.page.get_by_role("listitem")
    expect(card.get_by_role("heading")).to_have_text("20 % off dark roast")
    expect(card).to_contain_text("You are close to it")
    expect(card).to_contain_text("4 m · coffee · until")
    expect(walker.page.get_by_role("status")).to_have_text("New offer: 20 % off dark roast")
    assert walker.complaints == []
