"""What the lab plays, in numbers, and the jobs that come of it. Each job runs in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from benchmarks.gate import clean, equal, trials
from benchmarks.gate import worlds as made_up
from benchmarks.gate.entries import Entry, courses
from benchmarks.gate.faults import CATALOGUE
from benchmarks.gate.learning import FAMILIES, Family
from benchmarks.gate.streams import SEEDS, SOURCES, Half, Stream, TrainOn, made_steady, sources_of

MADE = "made up"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is played.

    steps: of each stream, at which every fault strikes. pairs: of equal models, a stream and family. worlds: how many
    seeds of the made-up worlds. all_entries: every family with every train_on; otherwise one pair a stream.
    """

    steps: int = 1
    pairs: int = 100
    worlds: int = 5
    scenarios: tuple[str, ...] = made_up.SCENARIOS
    families: tuple[Family, ...] = FAMILIES
    all_entries: bool = True


FULL = Plan()
QUICK = Plan(pairs=10, worlds=1, scenarios=("bad batches",), families=("linear",), all_entries=False)
"""A glance in two minutes."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of work. cost: about how long it takes, so that long ones are begun first."""

    kind: str  # entry | equal | world
    source: str
    family: Family
    train_on: TrainOn = "batch"
    world: int = 0
    steps: int = 0
    pairs: int = 0
    scenarios: tuple[str, ...] = ()
    seed: int = 0
    cost: float = 0.0


class Found(msgspec.Struct, kw_only=True):
    """What came of jobs, put together."""

    trials: list[trials.Trial] = []
    courses: list[clean.Course] = []
    kept: list[clean.Kept] = []
    equal: list[equal.Draws] = []
    lives: list[made_up.Life] = []

    def add(self, other: Found) -> None:
        """Takes in what another job found."""
        for name in self.__struct_fields__:
            getattr(self, name).extend(getattr(other, name))


def jobs(plan: Plan, half: Half, seed: int) -> list[Job]:
    """The work of a half, the longest first."""
    found = [*_entries(plan, half, seed), *_equals(plan, half, seed), *_worlds(plan, half)]
    return sorted(found, key=lambda job: -job.cost)


def _entries(plan: Plan, half: Half, seed: int) -> Iterator[Job]:
    for place, source in enumerate(sources_of(half)):
        chosen: tuple[tuple[Family, TrainOn], ...] = tuple(
            (family, train_on) for family in FAMILIES for train_on in source.train_on
        )
        for family, train_on in chosen if plan.all_entries else [chosen[(-1, 1)[place % 2]]]:
            if plan.all_entries or source.faults:
                struck = source.faults and train_on == source.train_on[0]
                yield _entry(source.name, family, train_on, plan.steps if struck else 0, seed)
    for family in plan.families:
        yield _entry(MADE, family, "batch", plan.steps, seed, SEEDS[half][0])


def _entry(name: str, family: Family, train_on: TrainOn, steps: int, seed: int, world: int = 0) -> Job:
    cost = (3 if family == "boosted" else 1) * (2 if train_on == "all" else 1) * (1 + steps) * 10
    return Job(
        kind="entry", source=name, family=family, train_on=train_on, steps=steps, seed=seed, world=world, cost=cost
    )


def _equals(plan: Plan, half: Half, seed: int) -> Iterator[Job]:
    for family in plan.families:
        for source in sources_of(half):
            if source.faults:
                yield Job(kind="equal", source=source.name, family=family, pairs=plan.pairs, seed=seed, cost=15)
        yield Job(kind="equal", source=MADE, family=family, pairs=plan.pairs, seed=seed, world=SEEDS[half][0], cost=15)


def _worlds(plan: Plan, half: Half) -> Iterator[Job]:
    for family in plan.families:
        for world in SEEDS[half][: plan.worlds]:
            yield Job(kind="world", source=MADE, family=family, world=world, scenarios=plan.scenarios, cost=20)


def work(job: Job) -> Found:
    """Does one job."""
    return {"entry": _play, "equal": _draw, "world": _live}[job.kind](job)


def _stream(job: Job) -> Stream:
    return made_steady(job.world) if job.source == MADE else SOURCES[job.source].stream()


def _play(job: Job) -> Found:
    entry = Entry(_stream(job), job.family, job.train_on)
    moments = courses(entry)
    steps = spread(entry, job.steps, job.seed)
    return Found(
        trials=list(trials.try_faults(entry, moments, CATALOGUE, steps, job.seed)),
        courses=clean.summed_up(entry, moments),
        kept=[clean.kept(entry, moments)],
    )


def spread(entry: Entry, count: int, seed: int) -> list[int]:
    """So many of the decided steps, spread evenly; which ones differs from entry to entry and from seed to seed."""
    known = list(entry.decided)
    start = sum(entry.name.encode()) + seed
    gap = len(known) // max(count, 1)
    return [known[place * gap + start % gap] for place in range(count)]


def _draw(job: Job) -> Found:
    return Found(equal=[equal.draw(_stream(job), job.family, job.pairs, job.seed)])


def _live(job: Job) -> Found:
    theatre = made_up.Theatre(job.world, job.family)
    return Found(lives=[life for scenario in job.scenarios for life in theatre.lives(scenario)])
