"""The map: her dot, the stores, the way through her list."""

from dataclasses import replace


def test_stores_come_by_name_and_the_nearest_first_where_she_is_known_to_be(a_phone, shop, build):
    phone = a_phone().agree("location", "promotions")
    phone.settle()
    (known,) = phone.app.state.stores
    far, near = (
        replace(known, id=id, name=name, latitude_deg=point.latitude_deg)
        for id, name, point in (("s2", "Allee", build.at(0, 900)), ("s3", "Zoo", build.at(0, 60)))
    )
    phone.app.state.stores = (near, known, far)
    assert [store.text for store in phone.app.store_map().stores] == ["Allee", "Riverside", "Zoo"]
    phone.stand(build.at(5, 5))
    assert [store.text for store in phone.app.store_map().stores] == ["Riverside", "Zoo", "Allee"]


def test_her_dot_is_where_the_fix_is_and_grey_when_it_is_old(a_phone, build):
    phone = a_phone().agree("location")
    phone.stand(build.at(5, 5), accuracy_m=4.0)
    dot = phone.app.store_map().dot
    assert (dot.point, dot.accuracy_m, dot.stale) == (build.at(5, 5), 4.0, False)
    assert phone.app.near_you().place == "You're in Riverside"
    phone.tick(11)
    assert phone.app.store_map().dot.stale


def test_the_way_leads_along_the_aisles_and_on_when_she_has_it(a_phone, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(0, 0))
    for wish in ("Dark roast", "Green tea"):
        phone.app.add_wish(wish)
        phone.settle()
    plan = phone.app.store_map()
    assert [pin.text for pin in plan.pins] == ["Green tea", "Dark roast"]
    assert plan.step == "Straight on for 5\xa0m, to Tea. Then left."
    assert plan.stop == "Green tea · stop\xa01\xa0of\xa02"
    phone.app.got_it(plan.stop_id)
    phone.settle()
    assert [pin.text for pin in phone.app.store_map().pins] == ["Dark roast"]
    phone.app.speak_step()
    assert phone.platform.speech.said == [(phone.app.store_map().step, "en")]


def test_the_list_is_sorted_by_the_aisles_of_this_store(a_phone, build):
    phone = a_phone().agree("location", "promotions")
    phone.stand(build.at(0, 0))
    for wish in ("Soap", "Dark roast", "Green tea"):
        phone.app.add_wish(wish)
        phone.settle()
    phone.app.sort_by_aisle(True)
    assert [row.text for row in phone.app.wishlist().rows] == ["Green tea", "Dark roast", "Soap"]
