"""Publish and listen: a recorded walk past a shop, its visits and its offers, thirteen minutes in four seconds.

Needs a backend: `make demo` runs one. Then: ENDCAP_BACKEND_URL=http://127.0.0.1:8700 python embed.py
"""

import tempfile
from pathlib import Path

import endcap

walk = endcap.device.replay.ReplaySource(Path(__file__).with_name("walk.gpx"), speed=200)  # on a phone: device.pick()
client = endcap.Endcap(endcap.Config.from_env(storage_dir=tempfile.mkdtemp()), source=walk)
client.on_event(lambda event: print(f"{event.occurred_at:%H:%M:%S} {event.kind} {event.fence_id}"))
client.on_promotion(lambda alert: print(f"offer: {alert.title} ({alert.why})"))
client.register(endcap.Geofence("s1/door", endcap.Circle(endcap.LatLon(60.16890, 24.93683), radius_m=30.48)))

with client:
    # On a phone this is the moment for your own screen that asks her; nothing is stored or sent before it.
    client.consent.grant(endcap.Purpose.LOCATION, endcap.Purpose.PROMOTIONS, text_version="example")
    walk.until_ended()
    client.flush()
    report = client.diagnostics()
publisher = report["publisher"]
if publisher["reason"]:
    print(f"{publisher['doing']}: {publisher['reason']}")
print(f"{publisher['sent']} sent, {report['outbox']['fixes']} waiting, lost: {report['outbox']['lost']}")
