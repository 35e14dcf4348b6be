"""Messages are examined in several worker threads at once, from the first one on."""

from __future__ import annotations

import subprocess
import sys

# Each child is a process that has read no message yet: libxml2 sets itself up in it, under threads that start together.
_COLD_STARTS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from lalert.cap import reader

good = b'''<?xml version="1.0"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a</identifier>
<sender>b@example.jp</sender><sent>2026-07-01T02:40:00+09:00</sent><status>System</status><msgType>Alert</msgType>
<scope>Public</scope></alert>'''
bad = good.replace(b"System", b"Sistem")

def child():
    together = Barrier(4)
    def read(number):
        together.wait()
        return [reader.read((good, bad)[(number + turn) % 2]).verdict for turn in range(6)]
    with ThreadPoolExecutor(4) as pool:
        for number, verdicts in enumerate(pool.map(read, range(4))):
            assert verdicts == [("valid", "invalid")[(number + turn) % 2] for turn in range(6)], verdicts

for _ in range(60):
    pid = os.fork()
    if not pid:
        try:
            child()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        sys.exit(1)
"""


def test_threads_that_start_together_agree() -> None:
    """Threads that read their process's first messages at the same moment all get the right verdicts."""
    done = subprocess.run([sys.executable, "-c", _COLD_STARTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
