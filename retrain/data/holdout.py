"""Reads a holdout back, so that two models can be scored on it and judged: rows to send, labels, blocks.

How a holdout is chosen lives in `split`, how it is judged in `retrain.gate`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from retrain.data.labels import positive_class
from retrain.data.profile import SplitSpec, day_of, examine
from retrain.data.tables import Table
from retrain.gate.facts import Kind

PROBES = 10  # rows by which a model is recognised: enough to tell two models apart, few enough for one call


@dataclass(frozen=True)
class Holdout:
    """A holdout in memory (its cap bounds it).

    columns, rows: what a model is asked, without the label, which it should not see. labels: 0.0 or 1.0 for
    classification (1 is `positive`), numbers for regression. blocks: codes of rows that must be resampled together, of
    days when there is a time column, otherwise of equal rows, so that a batch in which every row was doubled does not
    look twice as certain. unit: what a block is called. sha256: of the file.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: tuple[float, ...]
    blocks: tuple[int, ...]
    unit: Literal["day", "distinct row"]
    positive: str | None
    sha256: str


def read_holdout(
    content: bytes,
    *,
    label: str,
    kind: Kind,
    time: str | None = None,
    positive: str | None = None,
    classes: tuple[str, ...] | None = None,
) -> Holdout:
    """Read a holdout that `split` wrote.

    `classes` are those of the whole batch; without them they are those of the holdout, which may hold only one.
    Raises BadData as `examine` does, and when the positive class is unclear.
    """
    spec = SplitSpec(label=label, kind=kind, time=time, positive=positive, classes=classes)
    survey = examine(BytesIO(content), spec)
    if kind == "classification":
        positive = positive_class(classes or tuple(survey.label.classes or ()), positive)
    columns = survey.columns
    rows = [tuple(row) for _, row in Table(BytesIO(content)).rows()]
    place, clock = columns.index(label), None if time is None else columns.index(time)
    answers = [row[place] for row in rows]
    return Holdout(
        columns=columns[:place] + columns[place + 1 :],
        rows=tuple(row[:place] + row[place + 1 :] for row in rows),
        labels=tuple(float(text) if kind == "regression" else float(text == positive) for text in answers),
        blocks=_codes(row if clock is None else day_of(row[clock]) for row in rows),
        unit="distinct row" if time is None else "day",
        positive=positive,
        sha256=survey.sha256,
    )


def probe_indexes(holdout: Holdout, count: int = PROBES) -> tuple[int, ...]:
    """Which rows recognise a model by its answers: spread evenly from first to last, always the same."""
    last, steps = len(holdout.rows) - 1, min(count, len(holdout.rows)) - 1
    return tuple(last * step // steps for step in range(steps + 1)) if steps > 0 else (0,)


def _codes(names: Iterable[object]) -> tuple[int, ...]:
    """The same number for the same name, in order of first appearance."""
    known: dict[object, int] = {}
    return tuple(known.setdefault(name, len(known)) for name in names)
