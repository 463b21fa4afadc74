"""Whatever is killed, nothing is lost or done twice: a host dies at every call it makes outside during a whole run.

Before the call is passed on, or after its service has answered; both for all calls where RETRAIN_KILLS says `all`. The
next host, or at last the timer, brings the run to the same end as if nothing had happened. docs/chaos.md lists the
calls and what healed them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from zlib import crc32

import pytest

from tests.chaos.bench import Bench
from tests.chaos.calls import Kill
from tests.chaos.trial import Undisturbed, all_tried, wrong

SHARDS = 8  # test processes share them out
ALL = os.environ.get("RETRAIN_KILLS") == "all"
TOGETHER = 4  # trials at a time in one process


def test_an_undisturbed_run_ends_promoted_with_everything_tidy(calm: Undisturbed) -> None:
    end = calm.outcome
    assert end.runs == [("promoted", 1)]
    assert end.changes == [(1, "promotion"), (0, "adoption")]
    assert end.champion == (1, True)
    assert end.serves_champion and end.slot_free
    assert (end.started, end.registered) == (1, 0)
    assert (end.open, end.messages, end.blobs["training-data"]) == ([], {}, [])
    assert len(end.blobs["archive"]) == 1
    assert len(calm.kills()) >= 100


def chosen(calm: Undisturbed) -> list[Kill]:
    """Every kill there is; or one at each call, before and after it by turns."""
    by_call: dict[str, list[Kill]] = {}
    for kill in calm.kills():
        by_call.setdefault(kill.call, []).append(kill)
    places = list(by_call.values())
    return [kill for turn, kills in enumerate(places) for kill in (kills if ALL else [kills[turn % len(kills)]])]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_host_killed_at_any_call_loses_nothing_and_does_nothing_twice(
    bench: Bench, calm: Undisturbed, shard: int, record_property: Callable[[str, object], None]
) -> None:
    kills = [kill for kill in chosen(calm) if crc32(str(kill).encode()) % SHARDS == shard]
    found = all_tried(bench, kills, TOGETHER)
    record_property("kills", len(found))
    troubles = [f"{kill.when} {kill.call}: {trouble}" for kill, end in found.items() if (trouble := wrong(end, calm))]
    assert not troubles, "\n".join(troubles)
