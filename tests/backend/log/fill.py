"""A process whose disk is full at a limit, has room again, and is full once more; prints what the log said.

    fill.py PATH LIMIT_BYTES

RLIMIT_FSIZE stands for the disk: no file can grow beyond it. Prints one JSON object.
"""

import json
import resource
import sys
from pathlib import Path

from endcap_backend.log import Log, LogFull, NewRecord

path, limit = Path(sys.argv[1]), int(sys.argv[2])
log = Log(path, min_free_bytes=0)
acked: list[str] = []
number = 0


def limited(limit_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))


def fill(attempts: int) -> int:
    """Append one after the other; returns how many were refused."""
    global number
    refused = 0
    for _ in range(attempts):
        number += 1
        id = f"i:{number}"
        try:
            log.append([NewRecord("customers_locations", "u1", "x" * 4000, 1, id)])
            acked.append(id)
        except LogFull:
            refused += 1
    return refused


limited(limit)
refused_full = fill(600)
limited(resource.RLIM_INFINITY)
refused_with_room = fill(50)
limited(limit)
refused_again = fill(50)
limited(resource.RLIM_INFINITY)
log.commit("match", log.end())
log.close()
print(json.dumps({"acked": acked, "full": refused_full, "room": refused_with_room, "again": refused_again}))
