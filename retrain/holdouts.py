"""The rows that a run is judged on: its fresh holdout, the trusted one, and that of a batch in doubt.

They are put together, the fresh ones first and each row once, so that a model is asked in one go. How a holdout is
chosen and read is in `data`, how rows are scored in `scoring`.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from retrain.data.holdout import Holdout, read_holdout
from retrain.gate.table import HoldoutKind
from retrain.model import Model
from retrain.ports import Ports, Rows
from retrain.run import Data, Doubted, Run
from retrain.scorebook import Book, keys_of

FRESH: HoldoutKind = "fresh"
TRUSTED: HoldoutKind = "trusted"
DOUBTED: HoldoutKind = "doubted"
MOST_HOLDOUTS = 8  # kept parsed in a process: the cap bounds each
_READ: dict[tuple[str, str, str], Holdout] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Questions:
    """Rows to be scored, by their keys: each once, in order. `columns` are those of the values."""

    columns: tuple[str, ...]
    values: Mapping[bytes, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def rows(self) -> Rows:
        """As they are sent to an endpoint."""
        return Rows(columns=self.columns, values=tuple(self.values.values()))

    def but(self, known: Container[bytes]) -> Questions:
        """Those that are not known yet."""
        return replace(self, values={key: row for key, row in self.values.items() if key not in known})

    def parts(self, size: int) -> Iterator[Questions]:
        """The same in parts of at most so many."""
        items = iter(self.values.items())
        while some := dict(islice(items, size)):
            yield replace(self, values=some)

    def answered(self, scores: Sequence[float]) -> Book:
        """The scores, which are in the order of the rows, by key."""
        return dict(zip(self.values, scores, strict=True))


@dataclass(frozen=True)
class Holdouts:
    """See the module. `by_name` has the fresh one, and the others where there are any; `keys` those of their rows."""

    by_name: Mapping[HoldoutKind, Holdout]
    keys: Mapping[HoldoutKind, tuple[bytes, ...]]

    @property
    def fresh(self) -> Holdout:
        """The newest part of the run's own batch."""
        return self.by_name[FRESH]

    @property
    def questions(self) -> Questions:
        """All rows, each once."""
        values: dict[bytes, tuple[str, ...]] = {}
        for name, held in self.by_name.items():
            values |= zip(self.keys[name], held.rows, strict=True)
        return Questions(self.fresh.columns, values)

    @property
    def repeats(self) -> bool:
        """Whether most of the fresh holdout is that of the batch in doubt: the same rows, sent again, say nothing about
        whether a change lasts."""
        if DOUBTED not in self.by_name:
            return False
        fresh, doubted = ({*zip(self.keys[name], self.by_name[name].labels, strict=True)} for name in (FRESH, DOUBTED))
        return 2 * len(fresh & doubted) > len(fresh)

    def scores(self, name: HoldoutKind, book: Book) -> list[float]:
        """A model's scores of one holdout, row by row. Raises KeyError for a row that the book lacks."""
        return [book[key] for key in self.keys[name]]


def put_together(fresh: Holdout, trusted: Holdout | None = None, doubted: Holdout | None = None) -> Holdouts:
    """The holdouts with the columns of the fresh one; one that has other columns cannot be asked about and is left
    out."""
    given = {FRESH: fresh, TRUSTED: trusted, DOUBTED: doubted}
    by_name = {name: same for name, held in given.items() if held and (same := _aligned(held, fresh.columns))}
    return Holdouts(by_name, {name: keys_of(held.columns, held.rows) for name, held in by_name.items()})


def _aligned(held: Holdout, columns: tuple[str, ...]) -> Holdout | None:
    if held.columns == columns:
        return held
    if sorted(held.columns) != sorted(columns):
        return None
    order = [held.columns.index(column) for column in columns]
    return replace(held, columns=columns, rows=tuple(tuple(row[place] for place in order) for row in held.rows))


def holdouts_of(run: Run, model: Model, doubted: Doubted | None, ports: Ports) -> Holdouts:
    """All rows that this run is judged on; `doubted` is the batch in doubt, if there is one."""
    data = run.data
    assert data is not None
    trusted = _read(data.trusted, data.trusted_sha, data, model, ports) if data.trusted else None
    other = _fresh(doubted.data, model, ports) if doubted else None
    return put_together(_fresh(data, model, ports), trusted, other)


def fresh_of(run: Run, model: Model, ports: Ports) -> Holdout:
    """The run's own holdout."""
    assert run.data is not None
    return _fresh(run.data, model, ports)


def _fresh(data: Data, model: Model, ports: Ports) -> Holdout:
    return _read(data.holdout, data.holdout_sha, data, model, ports)


def _read(blob: str, sha: str, data: Data, model: Model, ports: Ports) -> Holdout:
    """A holdout, read once per process for as long as it is in use."""
    key = (blob, sha, model.sha)
    with _LOCK:
        if key in _READ:
            return _READ[key]
    holdout = read_holdout(
        ports.blobs.read(blob),
        label=model.label,
        kind=model.kind,
        time=model.time,
        positive=model.positive,
        classes=data.classes or None,
    )
    with _LOCK:
        while len(_READ) >= MOST_HOLDOUTS:
            _READ.pop(next(iter(_READ)))
        _READ[key] = holdout
    return holdout


def rows_at(holdout: Holdout, indexes: Sequence[int]) -> Rows:
    """These rows of a holdout, as they are sent to an endpoint."""
    return Rows(columns=holdout.columns, values=tuple(holdout.rows[i] for i in indexes))
