"""Whatever she taps, in whatever order, nothing raises, and every page can be shown."""

from datetime import time, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endcap.testing import an_alert

texts = st.sampled_from(["", " ", "Tea", "{tea}", "ä" * 300, "[b]x", "a\nb\tc", "\x00\ud800", "⟦"]) | st.text(
    max_size=20
)
ids = st.sampled_from(["", "c1", "c2", "alert-1", "nobody's", "sku:9001"])
skus = st.sampled_from([7, 9001, 9002, 10**15])
TAPS = {
    "open_deal": (ids,),
    "clip_deal": (ids,),
    "dismiss_deal": (ids,),
    "mute_today": (st.booleans(),),
    "choose_store": (st.sampled_from(["", "s1", "s9"]),),
    "got_it": (ids,),
    "speak_step": (),
    "suggest": (texts,),
    "add_wish": (texts, st.none() | skus),
    "move_wish": (ids, st.integers(-5, 50)),
    "remove_wish": (ids,),
    "set_quantity": (ids, st.integers(-5, 10**6)),
    "set_note": (ids, texts),
    "set_price_alert": (ids, st.none() | st.floats()),
    "sort_by_aisle": (st.booleans(),),
    "share_wishlist": (),
    "end_share": (),
    "copy_text": (texts,),
    "clip": (ids,),
    "unclip": (ids,),
    "set_auto_clip": (st.booleans(),),
    "ask_help": (ids, texts),
    "cancel_help": (),
    "show_alternatives": (skus,),
    "take_alternative": (skus,),
    "set_purpose": (st.sampled_from(["location", "promotions", "analytics", "soul"]), st.booleans()),
    "pause_sharing": (st.sampled_from(["hour", "today"]),),
    "resume_sharing": (),
    "set_language": (st.sampled_from(["en", "de", "xx"]),),
    "set_text_scale": (st.sampled_from([1.0, 2.0]),),
    "set_quiet_hours": (st.booleans(), st.just(time(22)), st.just(time(8))),
    "set_alert_kind": (st.sampled_from(["deal", "help", "nothing"]), st.booleans()),
    "finish_first_run": (),
    "undo": (),
    "pause": (),
    "resume": (),
    "tick": (),
}
PAGES = (
    "near_you",
    "store_map",
    "wishlist",
    "coupons",
    "card",
    "points",
    "help",
    "alternatives",
    "privacy",
    "settings",
)
taps = st.one_of([st.tuples(st.just(name), *arguments) for name, arguments in TAPS.items()])
own = st.integers(0, 3)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(taps, own), max_size=25), st.booleans())
def test_no_tap_raises_and_every_page_can_be_shown(a_phone, shop, build, tapped, offline):
    shop.go_offline()
    if not offline:
        shop.go_online()
    phone = a_phone(f"phone-{id(tapped)}")
    phone.app.parts.arrivals.offer(an_alert(expires_at=phone.clock.now() + timedelta(hours=1)))
    for (name, *arguments), number in tapped:
        rows = phone.app.wishlist().rows
        if arguments and name.endswith("wish") and rows and number and name != "add_wish":
            arguments[0] = rows[number % len(rows)].id
        getattr(phone.app, name)(*arguments)
        phone.queue.drain()
    phone.stand(build.at(5, 5))
    for page in PAGES:
        getattr(phone.app, page)()
    phone.app.chrome()
    phone.app.settings()
    phone.app.first_run()
    phone.queue.close()
    phone.app.close()
