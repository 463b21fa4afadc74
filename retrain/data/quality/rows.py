"""Rules about the rows as a whole: how many, how many twice, how many seen before, and from which days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from retrain.data.baseline import Known, in_common
from retrain.data.quality.finding import Finding
from retrain.data.quality.view import View, found, percent

UNKNOWN_DUPLICATES = 0.4  # limit for the first batch: data of few values has many equal rows
UNKNOWN_SEEN = 0.5  # limit for the second batch


def counts(view: View) -> Iterator[Finding]:
    """Too few rows, far fewer or far more than accepted batches had."""
    rules, rows = view.rules, view.batch.profile.rows
    if rows < rules.min_rows:
        message = f"the batch has {rows:,} rows; the least is {rules.min_rows:,}"
        yield found("few_rows", message, figure=rows, limit=rules.min_rows)
        return
    before = [known.profile.rows for known in view.earlier]
    if before and rows < (least := rules.fewer_rows * min(before)):
        message = (
            f"the batch has {rows:,} rows; earlier batches had at least {min(before):,}, the limit is {least:,.0f}"
        )
        yield found("fewer_rows", message, figure=rows, limit=least)
    if before and rows > (limit := rules.more_rows * max(before)):
        message = f"the batch has {rows:,} rows; earlier batches had at most {max(before):,}, the limit is {limit:,.0f}"
        yield found("more_rows", message, figure=rows, limit=limit)


def duplicates(view: View) -> Iterator[Finding]:
    """Rows that repeat an earlier row of the batch."""
    share = _repeats(view.batch)
    before = [_repeats(known) for known in view.earlier]
    limit = view.rules.duplicates + view.rules.factor * max(before) if before else UNKNOWN_DUPLICATES
    if share > limit:
        known = f"earlier batches had at most {percent(max(before))}, " if before else ""
        yield found(
            "duplicate_rows",
            f"{percent(share)} of the rows repeat another row of the batch; {known}the limit is {percent(limit)}",
            figure=share,
            limit=limit,
        )


def _repeats(known: Known) -> float:
    return known.profile.duplicates / max(known.profile.rows, 1)


def seen(view: View) -> Iterator[Finding]:
    """A batch that repeats an accepted one, whole or in part, whatever its name and the order of its rows."""
    if not view.earlier:
        return
    shares = [_shared(view.batch, [known]) for known in view.earlier]
    natural = view.rules.factor * max(_repeats(known) for known in view.earlier)
    if (most := max(shares)) >= (limit := max(view.rules.repeated, min(natural, 1.0))):
        of = view.earlier[int(np.argmax(shares))].run
        message = f"{percent(most)} of the rows are those of run {of}, in whatever order; the limit is {percent(limit)}"
        yield found("repeated_batch", message, figure=most, limit=limit)
        return
    own = [_shared(known, view.earlier[:place]) for place, known in enumerate(view.earlier) if place]
    known = max(own) if own else 0.0
    limit = max(view.rules.seen_rows + view.rules.factor * max(known, natural), 0.0 if own else UNKNOWN_SEEN)
    if (share := _shared(view.batch, view.earlier)) > limit:
        before = f"earlier batches repeated at most {percent(known)}, " if own else ""
        message = f"{percent(share)} of the rows were in earlier batches already; {before}the limit is {percent(limit)}"
        yield found("seen_rows", message, figure=share, limit=limit)


def _shared(batch: Known, others: Sequence[Known]) -> float:
    """The part of a batch's different rows that others have; of several, at least the most that one has."""
    parts = [in_common(batch, other) for other in others]
    alone = max((common / compared for common, compared in parts if compared), default=0.0)
    if len(others) < 2 or not all(known.complete for known in (batch, *others)) or not len(batch.hashes):
        return alone
    return float(np.isin(batch.hashes, np.concatenate([known.hashes for known in others])).mean())


def days(view: View) -> Iterator[Finding]:
    """Days that were accepted already; rows that are not in the order of time."""
    if view.spec.time is None or view.batch.profile.column(view.spec.time) is None:
        return
    profile = view.batch.profile
    newest = max((known.profile.last_day for known in view.earlier if known.profile.last_day), default=None)
    if newest and profile.last_day and profile.last_day < newest:
        message = (
            f"the newest day in {view.spec.time!r} is {profile.last_day}; data up to {newest} was accepted already"
        )
        yield found("stale_batch", message, column=view.spec.time)
    elif newest:
        yield from _overlap(view, view.spec.time)
    column = profile.column(view.spec.time)
    if column and column.disorder and not all(past.disorder for past in view.profiles(view.spec.time)):
        share = column.disorder / profile.rows
        message = f"{percent(share)} of the rows have an earlier {view.spec.time!r} than the row above them"
        yield found("time_order", message, column=view.spec.time, figure=share, limit=0.0)


def _overlap(view: View, time: str) -> Iterator[Finding]:
    share = _older(view.batch, view.earlier, time)
    own = [_older(known, view.earlier[:place], time) for place, known in enumerate(view.earlier) if place]
    limit = view.rules.overlap + view.rules.factor * max(own, default=0.0)
    if share > limit:
        known = f"earlier batches had at most {percent(max(own))}, " if own else ""
        message = f"{percent(share)} of the rows have a {time!r} before the newest accepted one; {known}"
        yield found(
            "overlapping_days", f"{message}the limit is {percent(limit)}", column=time, figure=share, limit=limit
        )


def _older(batch: Known, before: Sequence[Known], time: str) -> float:
    """The part of a batch's rows that are before the newest accepted day."""
    newest = max((known.profile.last_day for known in before if known.profile.last_day), default="")
    times = [str(value)[:10] for value in batch.sample.columns[time] if value is not None]
    return sum(day < newest for day in times) / len(times) if times else 0.0
