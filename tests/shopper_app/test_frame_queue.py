"""The way to the window's thread: in order, each once, a little every frame."""

from endcap_shopper.frame_queue import FrameQueue


def test_calls_are_made_once_in_order():
    made, queue = [], FrameQueue(lambda: None)
    for number in range(3):
        queue.post(lambda number=number: made.append(number))
    assert queue.drain() == 3
    assert (made, queue.drain()) == ([0, 1, 2], 0)


def test_what_a_call_posts_is_for_the_next_frame():
    made, woken = [], []
    queue = FrameQueue(lambda: woken.append(True))
    queue.post(lambda: (made.append("first"), queue.post(lambda: made.append("second"))))
    assert (queue.drain(), made) == (1, ["first"])
    woken.clear()
    assert (queue.drain(), made, woken) == (1, ["first", "second"], [])


def test_a_frame_that_has_no_time_left_makes_one_call_and_is_woken_again(monkeypatch):
    monkeypatch.setattr("endcap_shopper.frame_queue.A_FRAME_S", 0.0)
    made, woken = [], []
    queue = FrameQueue(lambda: woken.append(True))
    for number in range(3):
        queue.post(lambda number=number: made.append(number))
    woken.clear()
    assert (queue.drain(), made, woken) == (1, [0], [True])


def test_a_call_that_fails_holds_back_none_of_the_others():
    made, queue = [], FrameQueue(lambda: None)
    queue.post(lambda: made.index("nothing"))
    queue.post(lambda: made.append("next"))
    assert (queue.drain(), made) == (2, ["next"])
