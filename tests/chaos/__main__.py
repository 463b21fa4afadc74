"""`python -m tests.chaos [HOW_MANY_AT_A_TIME]`: every kill of a whole run, as the table that docs/chaos.md holds."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.bench import opened
from tests.chaos.calls import Kill
from tests.chaos.trial import Result, Undisturbed, all_tried, undisturbed, wrong

TOGETHER = 4


def main(together: int) -> int:
    """Prints the table and what went wrong; the number of troubles."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, opened(Path(folder)) as bench:
        calm = undisturbed(bench)
        began = time.monotonic()
        found = all_tried(bench, calm.kills(), together)
        took = time.monotonic() - began
    print(table(calm, found))
    troubles = [f"{kill.when} {kill.call}: {trouble}" for kill, end in found.items() if (trouble := wrong(end, calm))]
    print(f"\n{len(calm.calls)} calls, {len(found)} kills, {len(troubles)} troubles, {took:.0f} s")
    print("\n".join(troubles))
    return len(troubles)


def table(calm: Undisturbed, found: dict[Kill, Result | BaseException]) -> str:
    """A row for each call: what healed a kill before it, and one after it."""
    lines = ["| # | call | killed before it | killed after it |", "|---|---|---|---|"]
    for number, call in enumerate(calm.calls, 1):
        before, after = (_healed(found.get(Kill(call.name, when))) for when in ("before", "after"))
        lines.append(f"| {number} | {call.name} | {before} | {after} |")
    return "\n".join(lines)


def _healed(end: Result | BaseException | None) -> str:
    if end is None:
        return "–"
    if isinstance(end, BaseException):
        return "NOT HEALED"
    return "timer" if end.ticks else "message"


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]) if len(sys.argv) > 1 else TOGETHER), 1))
