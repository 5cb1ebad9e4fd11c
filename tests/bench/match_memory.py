"""How many bytes a live placement takes: `python -m tests.bench.match_memory N` fills a match and weighs itself."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from tests.bench.match_world import a_promotion, placements

from endcap_backend.match.product import ProductMatch


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(count: int) -> None:
    match = ProductMatch()
    for segment in range(50):
        match.promote(a_promotion(segment), 0)
    gc.collect()
    before = resident_bytes()
    for product in placements(count):
        match.place(product, 0)
    gc.collect()
    held = match.stats()
    print(json.dumps({"weighed": (resident_bytes() - before) / count, "counted": held["bytes_placements"] / count}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
