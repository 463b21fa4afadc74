"""Rules about the columns as such: which there are, in what order, and what they hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from retrain.data.baseline import Known
from retrain.data.labels import number
from retrain.data.profile import ColumnProfile, day_of
from retrain.data.quality.finding import Finding
from retrain.data.quality.view import View, found, percent

SIMILAR = 0.6  # difflib's measure of two names
FITS = 0.15  # so far apart may the values of a renamed column be


def schema(view: View) -> Iterator[Finding]:
    """Columns missing, new, renamed or in another order; a header that is a row of data."""
    names = view.batch.profile.names
    if headless := without_header(names, view.earlier):
        yield headless
        return
    if not view.earlier:
        return
    accepted = view.spec.columns or view.earlier[-1].profile.names
    missing, new = [name for name in accepted if name not in names], [name for name in names if name not in accepted]
    renamed = _renamed(view, missing, new)
    for old, name in renamed.items():
        yield found(
            "renamed_column",
            f"the column {old!r} is missing, and {name!r} is new and holds the like: name it {old!r} again",
            column=old,
        )
    yield from _missing_and_new(
        [name for name in missing if name not in renamed], [name for name in new if name not in renamed.values()]
    )
    if not missing and not new and tuple(names) != tuple(accepted):
        yield found("reordered_columns", "the columns come in another order than before; they are taken by name")


def _missing_and_new(missing: Sequence[str], new: Sequence[str]) -> Iterator[Finding]:
    for name in missing:
        yield found("missing_column", f"the column {name!r} is missing; every earlier batch had it", column=name)
    for name in new:
        yield found("new_column", f"the column {name!r} is new; no earlier batch had it", column=name)


def without_header(names: Sequence[str], earlier: Sequence[Known]) -> Finding | None:
    """What is said when most names of columns are values: numbers, times, or texts that accepted batches hold."""
    known = {value for past in earlier for column in past.profile.columns for value in column.values}
    data = [name for name in names if name in known or number(name) is not None or day_of(name) is not None]
    if 2 * len(data) <= len(names):
        return None
    shown = ", ".join(map(repr, data[:3]))
    message = f"{len(data)} of {len(names)} column names look like values ({shown}): the header line is missing"
    return found("header_missing", message, figure=len(data) / len(names), limit=0.5)


def _renamed(view: View, missing: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """Which new column stands for which missing one: by its values, then by its name; each is used once."""
    pairs = sorted(
        (pair for old in missing for name in new if (pair := _likeness(view, old, name)) is not None), reverse=True
    )
    chosen: dict[str, str] = {}
    for _, old, name in pairs:
        if old not in chosen and name not in chosen.values():
            chosen[old] = name
    return chosen


def _likeness(view: View, old: str, name: str) -> tuple[float, str, str] | None:
    """How alike a missing column and a new one are; None when too little."""
    now, before = view.now(name), [column for column in view.before(old) if column.filled]
    apart = min((now.distance(column) for column in before), default=1.0) if now.filled else 1.0
    alike = _alike(old.casefold(), name.casefold())
    enough = apart <= FITS or (alike >= SIMILAR and apart <= 0.5)
    return (alike - apart, old, name) if enough else None


def _alike(old: str, name: str) -> float:
    """How alike two names are; one that is a part of the other is quite alike."""
    ratio = difflib.SequenceMatcher(None, old, name).ratio()
    return max(ratio, 0.8) if min(len(old), len(name)) >= 3 and (old in name or name in old) else ratio


def types(view: View) -> Iterator[Finding]:
    """A column that held numbers, times or texts in every accepted batch and holds something else now."""
    for name in view.features:
        now = view.now(name).profile
        before = {_sort(column) for column in view.profiles(name)} - {""}
        if not before or not _sort(now) or _sort(now) in before:
            continue
        (was, *_) = sorted(before)
        share = 1 - now.numbers / max(view.batch.profile.rows - now.nulls, 1)
        yield found(
            "column_type",
            f"the column {name!r} held {was} in earlier batches and holds {_sort(now)} now{_example(view, name)}"
            + (f"; {percent(share)} of its values are no numbers" if was == "numbers" else ""),
            column=name,
            figure=share if was == "numbers" else None,
            limit=0.0 if was == "numbers" else None,
            most="doubt" if _codes(view, name) else "refuse",
        )


def _codes(view: View, name: str) -> bool:
    """Whether most values were numbers already, among some texts: then a batch may well have only such."""
    pairs = zip(view.earlier, view.profiles(name), strict=True)
    return any(column.kind != "number" and 2 * column.numbers > known.profile.rows for known, column in pairs)


def _sort(column: ColumnProfile) -> str:
    return {"number": "numbers", "time": "times", "category": "texts", "text": "texts", "empty": ""}[column.kind]


def _example(view: View, name: str) -> str:
    values = view.values(view.batch, name)
    odd = [value for value in values if isinstance(value, str) and number(value) is None]
    return f", such as {odd[0][:40]!r}" if odd else ""


def coerced(view: View) -> Iterator[Finding]:
    """Numbers that were written as texts: decimal commas, separators of thousands, quotes."""
    for column in view.batch.profile.columns:
        if column.quoted:
            share = column.quoted / view.batch.profile.rows
            yield found(
                "coerced_numbers",
                f"the column {column.name!r} has {percent(share)} of its numbers written as texts "
                f"(decimal commas, separators of thousands or blanks); they were read as numbers",
                column=column.name,
                figure=share,
                limit=0.0,
            )
