"""A host that starts onto several waiting messages reads its first records in several threads at once."""

from __future__ import annotations

import subprocess
import sys

PROCESSES = 150  # without care about one in fifteen dies

SCRIPT = """
import os, signal, sys, threading
from datetime import UTC, datetime
from retrain.run import Actor, Run, State
from shared.storage.rows import Row, run_columns, unpacked

sys.setswitchinterval(1e-5)
now, actor = datetime.now(UTC), Actor(kind="blob")
run = Run(id="a~1", target="a", state=State.RECEIVED, order="", door="", actor=actor, created=now)
row = Row("a", "run|a~1", "1", "", run_columns(run))


def read(ready):
    ready.wait()
    unpacked(Run, row)


def child():
    ready = threading.Barrier(4)
    threads = [threading.Thread(target=read, args=(ready,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


died = 0
for _ in range(int(sys.argv[1])):
    process = os.fork() or child()
    died += os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0
print(died)
"""


def test_first_records_read_by_several_threads_at_once_do_not_crash_the_process() -> None:
    command = [sys.executable, "-c", SCRIPT, str(PROCESSES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "0", f"{done.stdout.strip()} of {PROCESSES} processes died"
