"""Child processes that end with their parent, however it dies: the child watches its standard input for the end.

A pipe works on every system and from every thread, which a Linux parent-death signal does not.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO

_held: weakref.WeakSet[IO[bytes]] = weakref.WeakSet()


def hold(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """The pipe into a child started with stdin=PIPE; close it to let the child go.

    Forked copies of this process drop their end at once: otherwise they would keep the child alive after us.
    """
    assert process.stdin is not None
    _held.add(process.stdin)
    return process.stdin


def empty_file(prefix: str) -> Path:
    """A new empty log file in the system's folder for such things, for a child to write to."""
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".log")
    os.close(handle)
    return Path(name)


def _drop_all() -> None:
    for pipe in list(_held):
        with suppress(OSError):
            os.close(pipe.fileno())
    _held.clear()


os.register_at_fork(after_in_child=_drop_all)
