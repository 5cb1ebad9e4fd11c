"""The Android adapters on a desktop JVM, against the framework's own classes. Run by test_android.py, which sets the
class path: pyjnius starts one JVM a process."""

import threading
from datetime import timedelta

import pytest
from jnius import autoclass

from endcap.device import SleepingSource
from endcap.device.android import AndroidFences, AndroidSource, Permissions, Transitions, source
from endcap.device.contract import check_source
from endcap.errors import NotPermitted
from endcap.fences import Circle, Geofence, Polygon
from endcap.geo import LatLon
from endcap.presets import Resolution
from endcap.testing import NOON, ManualClock

FINE, COARSE = "android.permission.ACCESS_FINE_LOCATION", "android.permission.ACCESS_COARSE_LOCATION"
BACKGROUND = "android.permission.ACCESS_BACKGROUND_LOCATION"
NOTIFICATIONS = "android.permission.POST_NOTIFICATIONS"
COFFEE = Geofence("s1/coffee", Circle(LatLon(60.17, 24.94), radius_m=30.48))
Location = autoclass("android.location.Location")
Clock = autoclass("android.os.SystemClock")
Intent = autoclass("android.content.Intent")


@pytest.fixture
def context(tmp_path):
    context = autoclass("dev.endcap.fakes.FakeContext")()
    context.files = str(tmp_path)
    for permission in (FINE, COARSE):
        context.granted.add(permission)
    for provider in ("gps", "network", "passive", "fused"):
        context.location.providers.add(provider)
    return context


class Phone:
    def __init__(self, context, api_level=34):
        self.context, self.fixes, self.states = context, [], []
        self.source = AndroidSource(context, clock=ManualClock(), api_level=api_level)

    def start(self):
        self.source.start(self.fixes.append, self.states.append)
        return self

    @property
    def calls(self):
        return list(self.context.location.calls)


@pytest.fixture
def phone(context):
    return Phone(context)


def a_location(**more):
    location = Location(more.get("provider", "fused"))
    location.setLatitude(60.16952)
    location.setLongitude(24.93545)
    location.setElapsedRealtimeNanos(more.get("nanos", 5_000_000_000))
    return location


def array_list(*items):
    made = autoclass("java.util.ArrayList")()
    for item in items:
        made.add(item)
    return made


def test_a_fix_arrives_with_everything_the_os_says(phone):
    Clock.nanos = 7_000_000_000
    location = a_location()
    location.setAccuracy(8.5)
    location.setSpeed(1.25)
    location.setBearing(90.0)
    location.setAltitude(12.0)
    phone.start().context.location.locate(location)
    (fix,) = phone.fixes
    assert fix.point == (60.16952, 24.93545)
    assert (fix.accuracy_m, fix.speed_m_s, fix.bearing_deg, fix.altitude_m) == (8.5, 1.25, 90.0, 12.0)
    assert fix.taken_at == NOON - timedelta(seconds=2)  # two seconds of uptime ago, whatever the wall clock says
    assert (fix.source, fix.mock) == ("gps", False)


def test_what_the_os_does_not_say_is_none(phone):
    phone.start().context.location.locate(a_location(nanos=0))
    (fix,) = phone.fixes
    assert (fix.accuracy_m, fix.speed_m_s, fix.bearing_deg, fix.altitude_m, fix.taken_at) == (
        None,
        None,
        None,
        None,
        NOON,
    )


def test_a_batch_is_taken_whole_and_in_order(phone):
    Clock.nanos = 9_000_000_000
    batch = array_list(*[a_location(nanos=nanos * 1_000_000_000) for nanos in (5, 6, 7)])
    phone.start().context.location.locate(batch)
    assert [(NOON - fix.taken_at).total_seconds() for fix in phone.fixes] == [4, 3, 2]


def test_a_made_up_fix_is_marked(phone):
    location = a_location()
    location.setMock(True)
    phone.start().context.location.locate(location)
    assert phone.fixes[0].mock


def test_the_networks_fix_is_labelled(context):
    phone = Phone(context, api_level=30).start()
    context.location.locate(a_location(provider="network"))
    context.location.locate(a_location(provider="gps"))
    assert [fix.source for fix in phone.fixes] == ["network", "gps"]


def test_callbacks_come_from_a_thread_of_javas_too(phone):
    phone.start()
    listener = phone.context.location.listener
    thread = threading.Thread(target=lambda: listener.onLocationChanged(a_location()))
    thread.start()
    thread.join(10)
    assert len(phone.fixes) == 1


@pytest.mark.parametrize(("precision", "quality"), [("high", 100), ("balanced", 102), ("low", 104)])
def test_android_12_is_asked_for_the_fused_provider_by_quality(phone, precision, quality):
    phone.source.tune(Resolution(30.0, 5.0, precision))
    phone.start()
    assert phone.calls == ["remove", f"fused 30000 5 quality {quality}"]


def test_an_older_android_is_asked_for_satellites_and_network(context):
    assert Phone(context, api_level=30).start().calls == ["remove", "gps 5000 0", "network 5000 0"]


def test_with_approximate_location_alone_the_satellites_are_not_asked(context):
    context.granted.remove(FINE)
    assert Phone(context, api_level=30).start().calls == ["remove", "network 5000 0"]


def test_tuning_asks_anew_and_the_same_again_does_not(phone):
    phone.start().source.tune(Resolution(60.0))
    phone.source.tune(Resolution(60.0))
    assert phone.calls[2:] == ["remove", "fused 60000 0 quality 100"]


def test_sleeping_looks_by_wifi_and_cells_and_tells_only_of_a_move(phone):
    phone.start().source.sleep_until_moved(100.0)
    assert phone.calls[-1] == "fused 300000 100 quality 104"
    assert isinstance(phone.source, SleepingSource)


def test_without_permission_it_says_what_to_ask_for(context):
    context.granted.clear()
    with pytest.raises(NotPermitted, match="Permissions"):
        Phone(context).start()


def test_a_permission_taken_away_in_between_is_no_crash(phone):
    phone.context.location.refusing = True
    with pytest.raises(NotPermitted, match="refuses"):
        phone.start()


def test_location_switched_off_and_on_is_told(phone):
    phone.start()
    listener = phone.context.location.listener
    phone.context.location.on = False
    listener.onProviderDisabled("gps")
    listener.onProviderEnabled("gps")
    assert phone.states == ["searching", "off", "running"]
    listener.onFlushComplete(1)
    listener.onStatusChanged("gps", 1, None)


def test_after_stop_nothing_comes(phone):
    phone.start()
    listener = phone.context.location.listener
    phone.source.stop()
    phone.source.stop()
    listener.onLocationChanged(a_location())
    assert phone.fixes == []
    assert phone.calls.count("remove") == 2
    phone.start().context.location.locate(a_location())
    assert len(phone.fixes) == 1


def test_the_listener_implements_every_method_of_the_interface():
    loader = autoclass("java.lang.ClassLoader").getSystemClassLoader()
    interface = loader.loadClass("android.location.LocationListener")
    wanted = {str(method.toString()).split("LocationListener.")[1].split(")")[0] for method in interface.getMethods()}
    signatures = {
        "onLocationChanged(android.location.Location": "(Landroid/location/Location;)V",
        "onLocationChanged(java.util.List": "(Ljava/util/List;)V",
        "onFlushComplete(int": "(I)V",
        "onProviderEnabled(java.lang.String": "(Ljava/lang/String;)V",
        "onProviderDisabled(java.lang.String": "(Ljava/lang/String;)V",
        "onStatusChanged(java.lang.String,int,android.os.Bundle": "(Ljava/lang/String;ILandroid/os/Bundle;)V",
    }
    assert wanted == set(signatures)
    ours = {getattr(member, "__javasignature__", None) for member in vars(source._Listener).values()}
    assert set(signatures.values()) <= ours


def state_of(context, api_level=34):
    return Permissions(context, api_level=api_level).state()


def test_permissions_are_one_state_on_every_version(context):
    context.granted.clear()
    assert state_of(context).location == "not_determined"
    context.explainable.add(FINE)
    assert state_of(context).location == "denied"
    context.granted.add(COARSE)
    state = state_of(context)
    assert (state.location, state.precise, state.capability) == ("foreground", False, "coarse")
    context.granted.add(FINE)
    assert state_of(context).capability == "foreground"
    assert state_of(context, api_level=28).location == "background"  # before Android 10 there was no difference
    context.granted.add(BACKGROUND)
    assert state_of(context).capability == "background"
    context.location.on = False
    assert state_of(context).capability == "none"


def test_permissions_are_asked_for_in_stages_and_never_again_when_refused_for_good(context):
    context.granted.clear()
    permissions = Permissions(context, api_level=34)
    with pytest.raises(NotPermitted, match="foreground"):
        permissions.request("background")
    assert permissions.request("foreground")
    assert permissions.state().location == "denied_forever"  # asked, not granted, and not to be explained again
    assert not permissions.request("foreground")
    permissions.open_settings()
    for permission in (FINE, COARSE):
        context.granted.add(permission)
    assert permissions.request("background")
    assert permissions.request("notifications")
    assert list(context.calls) == [
        f"ask {FINE} {COARSE}",
        "android.settings.APPLICATION_DETAILS_SETTINGS package:org.example.shop",
        f"ask {BACKGROUND}",
        f"ask {NOTIFICATIONS}",
    ]


def test_what_is_granted_is_not_asked_for(context):
    assert not Permissions(context, api_level=34).request("foreground")
    assert not Permissions(context, api_level=28).request("background")
    assert not Permissions(context, api_level=32).request("notifications")


def test_a_phone_without_play_services_watches_by_proximity(context):
    fences = AndroidFences(context, api_level=34)
    square = Polygon((LatLon(60.0, 24.0), LatLon(60.0, 24.01), LatLon(60.01, 24.01), LatLon(60.01, 24.0)))
    fences.watch([COFFEE, Geofence("s2", square)])
    fences.unwatch(["s2", "never"])
    assert fences.by == "proximity"
    calls = list(context.location.calls)
    assert calls[0] == "watch 60.1700 24.9400 100 -1"
    assert calls[1].startswith("watch 60.0050 24.0050 62")
    assert calls[2:] == ["unwatch s2", "unwatch never"]
    alert = context.location.alerts.get(0)
    assert alert.intent.getData().toString() == "endcap:s1%2Fcoffee"
    assert alert.intent.getComponent().getClassName() == "dev.endcap.TransitionReceiver"
    assert alert.flags & (1 << 25)  # Android 12 wants it said that the OS may write into it


def test_fences_need_a_permission_and_say_so(context):
    context.location.refusing = True
    with pytest.raises(NotPermitted, match="all the time"):
        AndroidFences(context, api_level=34).watch([COFFEE])


def test_fences_that_the_os_forgot_are_handed_over_again(context):
    fences = AndroidFences(context, api_level=34)
    fences.watch([COFFEE])
    fences.rewatch()
    assert list(context.location.calls) == ["watch 60.1700 24.9400 100 -1"] * 2


def receive(context, intent):
    autoclass("dev.endcap.TransitionReceiver")().onReceive(context, intent)


def proximity(context, entering):
    fences = AndroidFences(context, api_level=34)
    fences.watch([COFFEE])
    intent = Intent(context.location.alerts.get(0).intent)
    intent.putExtra("entering", entering)
    return intent


def test_what_the_os_tells_while_no_python_runs_is_read_later_once(context, tmp_path):
    receive(context, proximity(context, True))
    receive(context, proximity(context, False))
    transitions = Transitions(tmp_path)
    found = transitions.take()
    assert [(each.kind, each.fence_id, each.inside) for each in found] == [
        ("os_fence", "s1/coffee", True),
        ("os_fence", "s1/coffee", False),
    ]
    assert transitions.take() == []
    assert not transitions.lost


def test_play_services_events_are_read_with_all_their_fences(context, tmp_path):
    intents = autoclass("dev.endcap.fakes.Intents")
    receive(context, intents.of(1, array_list("s1/coffee", 'a "quoted" \\ one')))
    receive(context, intents.of(2, array_list("s1/coffee")))
    assert [(each.fence_id, each.inside) for each in Transitions(tmp_path).take()] == [
        ("s1/coffee", True),
        ('a "quoted" \\ one', True),
        ("s1/coffee", False),
    ]


@pytest.mark.parametrize(
    "action", ["android.intent.action.BOOT_COMPLETED", "android.intent.action.MY_PACKAGE_REPLACED", "error"]
)
def test_after_a_reboot_an_update_or_a_switch_off_the_fences_are_known_to_be_forgotten(context, tmp_path, action):
    intent = Intent(action)
    if action == "error":
        intent.putExtra("error", 1000)
    receive(context, intent)
    transitions = Transitions(tmp_path)
    assert transitions.take() == []
    assert transitions.lost


def test_an_intent_that_tells_nothing_is_not_noted(context, tmp_path):
    receive(context, Intent("something.else"))
    assert not (tmp_path / "endcap").exists()


def test_a_line_cut_off_is_skipped_and_its_neighbours_are_read(tmp_path):
    folder = tmp_path / "endcap"
    folder.mkdir()
    good = '{"kind":"enter","fences":["a"],"at_ms":1764000000000}\n'
    (folder / "transitions.jsonl").write_text(good + '{"kind":"en\n[]\n{"kind":"exit"}\n' + good)
    assert [each.fence_id for each in Transitions(tmp_path).take()] == ["a", "a"]


def test_what_was_taken_and_not_read_before_a_kill_is_read_first(tmp_path):
    folder = tmp_path / "endcap"
    folder.mkdir()
    line = '{{"kind":"enter","fences":["{}"],"at_ms":1764000000000}}\n'
    (folder / "transitions.taken").write_text(line.format("before"))
    (folder / "transitions.jsonl").write_text(line.format("after"))
    transitions = Transitions(tmp_path)
    assert [each.fence_id for _ in range(3) for each in transitions.take()] == ["before", "after"]


REAL = {  # what is called on classes that stand in for the framework's here
    "android.app.Activity": ["requestPermissions", "shouldShowRequestPermissionRationale", "startActivity"],
    "android.os.PowerManager": ["isIgnoringBatteryOptimizations"],
    "android.os.SystemClock": ["elapsedRealtimeNanos"],
    "android.app.PendingIntent": ["getBroadcast"],
    "android.app.Service": ["startForeground", "getApplicationInfo"],
    "android.app.NotificationManager": ["createNotificationChannel"],
    "android.app.Notification$Builder": ["setContentTitle", "setContentText", "setSmallIcon", "setOngoing", "build"],
}


@pytest.mark.parametrize("name", REAL)
def test_what_is_called_exists_in_the_framework(name, request):
    """By a loader of its own, so that no stand-in is found."""
    import os

    url = autoclass("java.io.File")(os.environ["ANDROID_JAR"]).toURI().toURL()
    loader = autoclass("java.net.URLClassLoader")([url], None)
    methods = {method.getName() for method in loader.loadClass(name).getMethods()}
    assert set(REAL[name]) <= methods


def test_it_keeps_the_contract(context):
    class Probe:
        def __init__(self):
            context.location.calls.clear()
            self.source = AndroidSource(context, api_level=34)

        def locate(self, latitude_deg, longitude_deg):
            location = a_location(nanos=0)
            location.setLatitude(latitude_deg)
            location.setLongitude(longitude_deg)
            if context.location.listener is not None:
                context.location.locate(location)

    check_source(Probe)
