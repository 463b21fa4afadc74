"""Partition and row keys of the ledger's table: which row holds what, and how any text becomes a safe key.

A target's partition is its name. Partitions of our own begin with `~`, which no name of a model or key can.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote
from zlib import crc32

from retrain.run import Run

CHAMPION = "champion"
ACCEPTED = "accepted"
TARGETS = "~targets"
SLOTS = "~slot"
OPEN_FIRST, OPEN_END = "~open-", "~open."
TIME, MOVE, CHANGE, PLACE = "time|", "move|", "change|", "place|"

_PLAIN = " |:~_.-@=+,"  # besides letters and digits; never / \ # ? % or control characters, which keys may not hold
_LONGEST = 400  # characters; the service allows 512 for a whole key
_KEPT = 300
_LAST_MICROSECOND = 10**17 - 1
_LAST_VERSION = 10**8 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def safe(text: str) -> str:
    """The text as part of a key: other characters as `!` and two hex digits; a long one is cut and gets its hash."""
    key = quote(text, safe=_PLAIN, errors="surrogatepass").replace("%", "!")
    if len(key) <= _LONGEST:
        return key
    return f"{key[:_KEPT]}!!{sha256(key.encode()).hexdigest()}"


def run(run_id: str) -> str:
    """The run itself."""
    return f"run|{safe(run_id)}"


def time(of: Run) -> str:
    """The copy of a run by which runs are listed, newest first."""
    microseconds = int((of.created - _EPOCH).total_seconds() * 1_000_000)
    return f"{TIME}{_LAST_MICROSECOND - microseconds:017}|{safe(of.id)}"


def moves(run_id: str) -> str:
    """What the keys of a run's moves begin with."""
    return f"{MOVE}{safe(run_id)}|"


def move(run_id: str, n: int) -> str:
    """One line of a run's history."""
    return f"{moves(run_id)}{n:06}"


def landing(key: str) -> str:
    """Which run took a landing."""
    return f"land|{safe(key)}"


def idempotency(key: str) -> str:
    """Which run was asked for with an idempotency key."""
    return f"key|{safe(key)}"


def fingerprint(value: str) -> str:
    """Which run used some content first."""
    return f"print|{safe(value)}"


def change(version: int) -> str:
    """A change of production; the newest sorts first."""
    return f"{CHANGE}{_LAST_VERSION - version:08}"


def note(name: str) -> str:
    """A small fact."""
    return f"note|{safe(name)}"


def slot(url: str) -> str:
    """An endpoint's slot, by the hash of its address."""
    return sha256(url.encode()).hexdigest()


def places(service: str) -> str:
    """The partition with the places of a training service, by the hash of its address."""
    return f"~place-{slot(service)[:32]}"


def place(number: int) -> str:
    """One of them."""
    return f"{PLACE}{number:03}"


def job(source: str, name: str) -> tuple[str, str]:
    """Partition and row that tell whose job it is, by the hash of both names: events spell them in any case."""
    digest = slot(f"{source}\n{name}".lower())
    return f"~job-{digest[:2]}", digest


def opened(run_id: str, buckets: int) -> str:
    """The partition that lists an unfinished run."""
    return f"{OPEN_FIRST}{crc32(run_id.encode()) % buckets:03}"
