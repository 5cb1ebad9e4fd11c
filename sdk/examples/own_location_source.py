"""Bring your own positions: a source is three methods. This one reads JSON lines from standard input.

    {"latitude": 60.1695, "longitude": 24.9354, "taken_at": "2026-11-24T12:00:00Z", "accuracy_m": 6}

Run: ENDCAP_BACKEND_URL=http://127.0.0.1:8700 python own_location_source.py < positions.jsonl
"""

import sys
import tempfile
from threading import Event, Thread

import endcap
from endcap.device import OnFix, OnStatus
from endcap.tracks.lines import fix_of
from endcap.wire import parse_json


class LineSource:
    """One fix a line, until the input ends. Satisfies endcap.LocationSource."""

    def __init__(self) -> None:
        self.ended = Event()
        self._stopped = False

    def start(self, on_fix: OnFix, on_status: OnStatus) -> None:
        Thread(target=self._read, args=(on_fix, on_status), daemon=True).start()

    def tune(self, resolution: endcap.Resolution) -> None:
        """Whoever writes the lines decides how often."""

    def stop(self) -> None:
        self._stopped = True

    def _read(self, on_fix: OnFix, on_status: OnStatus) -> None:
        on_status("running")
        for line in sys.stdin:
            if self._stopped:
                return
            try:
                value = parse_json(line)
                on_fix(fix_of(value if isinstance(value, dict) else {}))
            except (endcap.BadMessage, endcap.OutOfRange) as fault:
                print(f"skipped a line: {fault}", file=sys.stderr)
        on_status("ended")
        self.ended.set()


source = LineSource()
config = endcap.Config.from_env(storage_dir=tempfile.mkdtemp(), max_age_s=86_400)
with endcap.Endcap(config, source=source) as client:
    client.consent.grant(endcap.Purpose.LOCATION, text_version="example")
    source.ended.wait()
    client.flush()
    report = client.diagnostics()
print(f"{report['publisher']['sent']} sent, dropped: {report['fixes']['dropped']}")
