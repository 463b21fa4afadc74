"""The demo as a stranger sees it: it ends by itself, all of it held, and nothing stays behind."""

from __future__ import annotations

import re
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from local.stack import HOST_PORT, free
from tests.demo.programs import ROOT, Program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Start = Callable[..., Program]
DEMO = ("-m", "local.demo")
ENDS = (
    ("2011-06.csv", "blob", "promoted"),
    ("2011-07.csv", "link", "promoted"),
    ("june-again.csv", "blob", "duplicate"),
    ("2011-08.csv", "blob", "refused"),
    ("2011-09-shuffled.csv", "blob", "quarantined"),
    ("2011-09-shuffled.csv", "release", "refused"),
    ("2011-09-broken.csv", "link", "quarantined"),
    ("2011-09.csv", "http", "refused"),
    ("2011-10.csv", "queue", "promoted"),
)


def folders(demo: Program) -> list[Path]:
    """What this demo has left of its folder."""
    return list((ROOT / ".local").glob(f"demo-{demo.process.pid}-*"))


def occupied(port: int) -> socket.socket:
    """Something that listens there, unless something else does already."""
    taken = socket.socket()
    if free(port):
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
    return taken


def test_demo_holds_while_its_port_is_taken_and_a_second_one_is_stopped_on_the_way(start: Start) -> None:
    with occupied(HOST_PORT):
        first = start(*DEMO, COLUMNS="140")
        first.await_text(r"1\. June 2011")
        second = start(*DEMO, COLUMNS="60")
        second.await_text(r"1\. June 2011")
        assert second.interrupt(group=True) == 130
        assert second.left() == []
        assert "nothing is left running" in second.said()
        assert first.process.wait(120) == 0, first.said()
    said = first.said()
    assert first.left() == []
    assert re.search(rf"Taken on 127\.0\.0\.1: .*{HOST_PORT} \(Retrain\)", said)
    for file, door, state in ENDS:
        assert re.search(rf"^ *{re.escape(file)} +{door} +{state}\b", said, re.MULTILINE), f"{file} is not {state}"
    assert "All of it held" in said
    assert "\x1b" not in said, "control characters in a pipe"
    assert not [line for line in said.splitlines() if len(line) > 140]
    assert folders(first) == folders(second) == []


def test_demo_leaves_nothing_when_it_is_told_to_stop_while_it_starts(start: Start) -> None:
    demo = start(*DEMO)
    demo.await_text("Retrain, from the first file")
    assert demo.interrupt(signal.SIGTERM) == 128 + signal.SIGTERM
    assert demo.left() == []
    assert "Traceback" not in demo.said()
    assert folders(demo) == []


def test_demo_says_what_failed_and_keeps_its_folder(start: Start) -> None:
    demo = start(*DEMO)
    demo.await_text(r"1\. June 2011")
    demo.kill_part("local.host")
    assert demo.process.wait(60) == 1
    assert "This did not hold:\n   no Retrain at http://127.0.0.1:" in demo.said()
    assert demo.left() == []
    (kept,) = folders(demo)
    assert str(kept) in demo.said().replace("\n   ", "")
    assert (kept / "host.log").read_text()
    shutil.rmtree(kept)
