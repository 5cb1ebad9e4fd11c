"""The window and the background service, each a process, of which one at a time is the app."""

import subprocess
import sys
from threading import Event, Thread

import pytest

from endcap.errors import BadConfig
from endcap.testing import ManualClock, ScriptedSource
from endcap_shopper.background import opened, run
from endcap_shopper.handover import Handover, handed_over
from endcap_shopper.platform.fake import fake
from endcap_shopper.shopper import Shopper

SERVICE = """
import sys, threading
from pathlib import Path
from endcap.testing import ScriptedSource
from endcap_shopper import background
from endcap_shopper.platform.fake import fake
from endcap_shopper.shopper import Shopper

def make(post):
    shopper = Shopper(sys.argv[1], Path(sys.argv[2]), ScriptedSource(), fake(), post)
    print("open", flush=True)
    return shopper

background.run(make, threading.Event())
print("ended", flush=True)
"""


class ServiceProcess:
    """A `Background` that is a process, and is killed to end it, as Android does."""

    def __init__(self, url, folder):
        self._arguments = (url, str(folder))
        self._process = None
        self.told = []

    def start(self, title, text):
        self.told.append((title, text))
        command = [sys.executable, "-c", SERVICE, *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "open\n"

    def stop(self):
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(20)
            process.stdout.close()

    @property
    def running(self):
        return self._process is not None


@pytest.fixture
def service(shop, tmp_path):
    service = ServiceProcess(shop.url, tmp_path / "phone")
    yield service
    service.stop()


@pytest.fixture
def window(shop, tmp_path, service):
    def make():
        return Shopper(shop.url, tmp_path / "phone", ScriptedSource(), fake(), lambda call: call())

    window = Handover(make, service)
    window.start()
    yield window
    window.close()


def test_the_app_goes_on_in_the_background_and_comes_back_with_everything(window, service, shop):
    window.set_purpose("location", True)
    window.finish_first_run()
    window.until_idle()
    window.add_wish("Tea")
    window.entered("wishlist")
    window.pause()
    assert service.told == [("Sharing your location with the shop", "Tap to see or to stop it.")]
    assert service.running
    pages = []
    window.watch(pages.append)
    window.resume()
    assert not service.running
    assert [row.text for row in window.wishlist().rows] == ["Tea"]
    assert window.page == "wishlist"
    assert pages[-1] is None


def test_without_location_sharing_nothing_goes_on(window, service):
    window.pause()
    assert not service.running
    window.resume()
    window.add_wish("Tea")
    assert [row.text for row in window.wishlist().rows] == ["Tea"]


def test_the_background_ends_by_itself_when_she_shares_no_longer(shop, tmp_path):
    stopping = Event()

    def make(post):
        return Shopper(shop.url, tmp_path / "phone", ScriptedSource(), fake(), post)

    thread = Thread(target=run, args=(make, stopping), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert not stopping.is_set()


def test_a_wallet_that_is_never_let_go_of_is_said(tmp_path):
    tries = []

    def make():
        tries.append(1)
        raise BadConfig("storage_dir", "is in use")

    class Impatient(ManualClock):
        def wait(self, event, timeout_s):
            self.advance(timeout_s)
            return False

    with pytest.raises(BadConfig, match="in use"):
        opened(make, Impatient())
    assert len(tries) > 50


def test_what_is_wrong_with_a_setting_is_said_at_once():
    def make():
        raise BadConfig("backend_url", "is no URL")

    with pytest.raises(BadConfig, match="no URL"):
        opened(make, ManualClock())


def test_a_machine_without_a_background_keeps_its_window(shop, tmp_path):
    def make():
        return Shopper(shop.url, tmp_path / "phone", ScriptedSource(), fake(), lambda call: call())

    app = handed_over(make, None)
    assert isinstance(app, Shopper)
    app.close()
