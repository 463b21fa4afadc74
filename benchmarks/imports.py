"""What loading clients of Azure ML costs, ours beside others': `python -m benchmarks.imports [ROUNDS]`.

Each is loaded by a fresh interpreter, in turn, so that whatever else the machine does meets all of them alike. Time is
that of the imports alone; memory is the process's peak, less that of an interpreter that loads nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import msgspec

ROOT = Path(__file__).parents[1]
OURS = (
    "shared.services.azureml.trainer",
    "shared.services.azureml.endpoint",
    "shared.services.azureml.online",
)
IDENTITY = "azure.identity"
LOADS: Mapping[str, tuple[str, ...]] = {
    "nothing": (),
    "Retrain's clients of Azure ML": OURS,
    "the same, with azure-identity": (*OURS, IDENTITY),
    "azure-mgmt-machinelearningservices, with azure-identity": ("azure.mgmt.machinelearningservices", IDENTITY),
    "azure-ai-ml, with azure-identity": ("azure.ai.ml", IDENTITY),
}
ROUNDS = 7
_CODE = """
import importlib, sys, time
from benchmarks.memory import peak
began = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(time.perf_counter() - began, peak(), len(sys.modules))
"""


class Loaded(msgspec.Struct, frozen=True):
    """One fresh interpreter: seconds of imports, peak memory in MB, modules."""

    seconds: float
    megabytes: float
    modules: int


def once(names: tuple[str, ...]) -> Loaded:
    """Loads these in a fresh interpreter."""
    command = [sys.executable, "-W", "ignore", "-c", _CODE, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, megabytes, modules = done.stdout.split()[-3:]
    return Loaded(float(seconds), float(megabytes), int(modules))


def measure(rounds: int = ROUNDS) -> dict[str, Loaded]:
    """The median of each, of those that are installed here."""
    there = {title: names for title, names in LOADS.items() if all(map(_installed, names))}
    for names in there.values():
        once(names)  # compiles what was not yet, and warms the disk's cache
    seen: dict[str, list[Loaded]] = {title: [] for title in there}
    for _ in range(rounds):
        for title, names in there.items():
            seen[title].append(once(names))
    bare = median(one.megabytes for one in seen["nothing"])
    return {
        title: Loaded(
            median(one.seconds for one in found),
            median(one.megabytes for one in found) - bare,
            found[0].modules,
        )
        for title, found in seen.items()
    }


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def main(rounds: int) -> None:
    """Prints a table."""
    print("| loaded | seconds | MB | modules |\n|---|---|---|---|")
    for title, one in measure(rounds).items():
        print(f"| {title} | {one.seconds:.2f} | {one.megabytes:.0f} | {one.modules:,} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
