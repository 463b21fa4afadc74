"""What the lab found, as it is kept in results.json."""

from __future__ import annotations

import msgspec

from benchmarks.gate import tally
from benchmarks.gate.clean import Course, Kept
from benchmarks.gate.equal import Draws
from benchmarks.gate.plan import Found, Plan
from benchmarks.gate.streams import Half
from benchmarks.gate.tally import FaultRow, Rate, WorldRow
from benchmarks.gate.trials import OURS, Trial
from benchmarks.gate.worlds import SCENARIOS, Life


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything the table is written from. wrongs: each trial in which this gate did harm, to be looked into."""

    at: str
    command: str
    took: float
    jobs: int
    cores: int
    half: Half
    seed: int
    plan: Plan
    streams: tuple[str, ...]
    worlds: tuple[int, ...]
    faults: tuple[FaultRow, ...]
    wrongs: tuple[Trial, ...]
    equal: tuple[Draws, ...]
    false_promotions: dict[str, Rate]
    courses: tuple[Course, ...]
    kept: tuple[Kept, ...]
    lives: tuple[Life, ...]
    world_rows: tuple[WorldRow, ...]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure is worth nothing without; its members are those of the result."""

    at: str
    command: str
    took: float
    jobs: int
    cores: int
    half: Half
    seed: int
    plan: Plan
    streams: tuple[str, ...]
    worlds: tuple[int, ...]


def result_of(found: Found, about: About) -> Result:
    """The figures of all jobs. They come in any order and are put into one."""
    trials = sorted(found.trials, key=lambda trial: (trial.stream, trial.family, trial.train_on, trial.step))
    courses = sorted(found.courses, key=lambda course: (course.stream, course.family, course.train_on))
    lives = sorted(found.lives, key=lambda life: (SCENARIOS.index(life.scenario), life.seed, life.family))
    return Result(
        **msgspec.structs.asdict(about),
        faults=tuple(tally.fault_rows(trials)),
        wrongs=tuple(trial for trial in trials if tally.harmed(trial, OURS)),
        equal=tuple(sorted(found.equal, key=lambda draw: (draw.stream, draw.family))),
        false_promotions=tally.false_promotions(found.equal),
        courses=tuple(courses),
        kept=tuple(sorted(found.kept, key=lambda kept: (kept.stream, kept.family, kept.train_on))),
        lives=tuple(lives),
        world_rows=tuple(tally.world_rows(lives)),
    )
