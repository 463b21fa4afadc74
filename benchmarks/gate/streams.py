"""The streams: real tables cut into batches in order of time, and made-up ones whose truth is known.

Every stream is of one half: defaults are chosen on `tune`, and the figures that count are of `report`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from benchmarks.gate import made, sources
from benchmarks.gate.sheet import Row, Sheet, read
from local import adult, bikes

Half = Literal["tune", "report"]
Kind = Literal["regression", "classification"]
TrainOn = Literal["all", "batch"] | int


@dataclass(frozen=True)
class Stream:
    """Batches of one model, oldest first, all clean.

    numbers, words: the columns whose damage hurts most, worst first; faults that need a column choose from them.
    """

    name: str
    label: str
    kind: Kind
    metric: str
    batches: tuple[Sheet, ...]
    numbers: tuple[str, ...]
    words: tuple[str, ...] = ()
    time: str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """What a model may look at."""
        return tuple(name for name in self.batches[0].header if name not in (self.label, self.time))


@dataclass(frozen=True)
class Source:
    """A stream that is read when it is needed. `faults`: it is struck by faults, not only played clean.

    train_on: on how much a candidate is trained; each is played by itself.
    """

    name: str
    half: Half
    make: Callable[[], Stream]
    train_on: tuple[TrainOn, ...] = ("all", "batch")
    faults: bool = True

    def stream(self) -> Stream:
        """The stream, read once per process."""
        return _made(self.name)


def sources_of(half: Half) -> tuple[Source, ...]:
    """The real streams of a half. The made-up ones are seeds of `made`."""
    return tuple(source for source in SOURCES.values() if source.half == half)


@cache
def _made(name: str) -> Stream:
    return SOURCES[name].make()


Key = Callable[[Sequence[str]], object]


def _grouped(header: Sequence[str], rows: Iterable[Sequence[str]], key: Key) -> list[Sheet]:
    """Rows with the same key in a batch, batches in order of first appearance."""
    groups: dict[object, list[tuple[str, ...]]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(tuple(row))
    return [Sheet(tuple(header), tuple(group)) for group in groups.values()]


def bikes_by_month() -> Stream:
    """Rentals by the hour, 24 months."""
    return Stream(
        name="bikes by month",
        label=bikes.LABEL,
        kind="regression",
        metric="rmse",
        batches=tuple(read(bikes.months(month).encode()) for month in bikes.every_month()),
        numbers=("hour", "temp", "hum", "windspeed"),
        words=("workingday", "season", "weathersit", "dow"),
        time=bikes.TIME,
    )


ADULT_NUMBERS = ("education_num", "age", "capital_gain", "hours_per_week")
ADULT_WORDS = ("marital_status", "occupation", "relationship", "education")


def _adult(name: str, batches: Iterable[Sheet]) -> Stream:
    return Stream(
        name=name,
        label=adult.LABEL,
        kind="classification",
        metric="auc",
        batches=tuple(batches),
        numbers=ADULT_NUMBERS,
        words=ADULT_WORDS,
    )


def _adults() -> Sheet:
    own, others = read(adult.americans(10**9).encode()), read(adult.others().encode())
    return Sheet(own.header, own.rows + others.rows)


def adult_in_parts(parts: int = 20, seed: int = 0) -> Stream:
    """Everybody in random parts: nothing changes but chance."""
    everybody = _adults()
    order = np.random.default_rng(seed).permutation(len(everybody))
    return _adult("adult in 20 parts", (everybody.picked(part) for part in np.array_split(order, parts)))


def adult_by_country() -> Stream:
    """Eight parts from the United States, then everybody else in two."""
    own, others = read(adult.americans(10**9).encode()), read(adult.others().encode())
    return _adult("adult by country", (*_parts(own, 8), *_parts(others, 2)))


def _parts(sheet: Sheet, count: int) -> Iterator[Sheet]:
    for part in np.array_split(np.arange(len(sheet)), count):
        yield sheet.picked(part)


def computers_by_quarter() -> Stream:
    """Prices of personal computers, January 1993 to November 1995: they fall fast."""
    rows = sources.computers()
    header = [name for name in rows[0] if name]
    place = header.index("trend")
    table = ([row[name] for name in header] for row in rows)
    return Stream(
        name="computers by quarter",
        label="price",
        kind="regression",
        metric="rmse",
        batches=tuple(_grouped(header, table, lambda row: (int(row[place]) - 1) // 3)),
        numbers=("ram", "hd", "speed", "screen"),
        words=("premium", "cd", "multi"),
    )


FLIGHT = ("day", "hour", "origin", "carrier", "dest", "distance")
WEATHER = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
LATE = 15  # minutes


@cache
def _flights() -> tuple[tuple[str, ...], ...]:
    return tuple(_departures())


def _departures() -> Iterator[tuple[str, ...]]:
    """The flights that left, with the weather at their airport in the hour they were due, in order of time."""
    sky = {(row["origin"], row["time_hour"]): tuple(row[name] for name in WEATHER) for row in sources.weather()}
    unknown = ("",) * len(WEATHER)
    for row in sorted(sources.flights(), key=lambda row: row["time_hour"]):
        if row["dep_delay"]:
            day = f"{row['year']}-{int(row['month']):02}-{int(row['day']):02}"
            late = str(int(float(row["dep_delay"]) > LATE))
            yield (day, *(row[name] for name in FLIGHT[1:]), *sky.get((row["origin"], row["time_hour"]), unknown), late)


def _flights_by(name: str, key: Key, rows: Iterable[Row]) -> Stream:
    return Stream(
        name=name,
        label="late",
        kind="classification",
        metric="auc",
        batches=tuple(_grouped((*FLIGHT, *WEATHER, "late"), rows, key)),
        numbers=("hour", "humid", "temp", "visib"),
        words=("carrier", "origin", "dest"),
        time="day",
    )


def flights_by_half_month() -> Stream:
    """24 batches of some 3,400 flights: every fourth, so that hundreds of faults can be tried on them."""
    return _flights_by("flights by half month", lambda row: (row[0][:7], int(row[0][8:]) > 15), _flights()[::4])


def flights_by_month() -> Stream:
    """Twelve batches of some 27,000 flights, all there were."""
    return _flights_by("flights by month", lambda row: row[0][:7], _flights())


def made_steady(seed: int) -> Stream:
    """Made-up data in which nothing changes."""
    return Stream(
        name=f"made up, seed {seed}",
        label=made.LABEL,
        kind="classification",
        metric="auc",
        batches=tuple(made.World(seed).batches(made.BATCHES)),
        numbers=made.FEATURES,
    )


SEEDS: dict[Half, tuple[int, ...]] = {"tune": (0, 1, 2, 3, 4), "report": (5, 6, 7, 8, 9)}
"""Of the made-up worlds."""

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("bikes by month", "tune", bikes_by_month),
        Source("adult in 20 parts", "tune", adult_in_parts),
        Source("adult by country", "tune", adult_by_country, faults=False),
        Source("flights by half month", "report", flights_by_half_month, ("all", 3)),
        Source("flights by month", "report", flights_by_month, ("all",), faults=False),
        Source("computers by quarter", "report", computers_by_quarter),
    )
}
