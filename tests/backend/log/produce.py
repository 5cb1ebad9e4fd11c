"""A process that appends to a log from several threads and prints each id once it is told that it is on disk.

produce.py PATH ROUND THREADS
"""

import sys
from itertools import count
from pathlib import Path
from threading import Lock, Thread

from endcap_backend import logmarks
from endcap_backend.log import Log, NewRecord

logmarks.YOUNG = 200  # so that marks are written all the time
path, run, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
log = Log(path, min_free_bytes=0)
printing = Lock()


def produce(thread: int) -> None:
    for number in count():
        ids = [f"{run}-{thread}:{2 * number + each}" for each in (0, 1)]
        log.append([NewRecord("customers_locations", f"u{thread}", "x" * 300, 1, id) for id in ids])
        with printing:
            print(*ids, flush=True)


for thread in range(threads):
    Thread(target=produce, args=(thread,)).start()
