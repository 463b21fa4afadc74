"""Rules about what columns hold: nulls, constants, values from elsewhere, and columns that changed places.

Units and ranges of numbers are in `scales`, names in `categories`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from retrain.data.profile import ColumnProfile
from retrain.data.quality.finding import Finding, milder
from retrain.data.quality.view import Column, View, found, percent

CLEARER = 0.5  # what explains a column leaves at most so much of its distance
STUCK = 10  # different values from which a column that never varies any more is broken


def nulls(view: View) -> Iterator[Finding]:
    """Columns that are empty, or emptier than in any accepted batch."""
    for name in view.features:
        now, before = _null_share(view.now(name).profile, view.batch.profile.rows), _earlier_nulls(view, name)
        limit = min(max(before, default=0.0) + view.rules.null_rate, 1.0)
        if not before or now <= limit:
            continue
        earlier = f"earlier batches had at most {percent(max(before))}"
        if now >= view.rules.empty and max(before) < view.rules.empty:
            message = f"the column {name!r} is empty in {percent(now)} of the rows; {earlier}"
            yield found("empty_column", message, column=name, figure=now, limit=view.rules.empty)
        else:
            message = f"the column {name!r} has {percent(now)} empty values; {earlier}, the limit is {percent(limit)}"
            yield found("null_rate", message, column=name, figure=now, limit=limit)


def _earlier_nulls(view: View, name: str) -> list[float]:
    profiles = (known.profile for known in view.earlier)
    return [_null_share(column, one.rows) for one in profiles if (column := one.column(name))]


def _null_share(column: ColumnProfile, rows: int) -> float:
    return column.nulls / max(rows, 1)


def constants(view: View) -> Iterator[Finding]:
    """Columns with one value that never had only one."""
    for name in view.features:
        now = view.now(name).profile
        varied = [_varied(column) for column in view.before(name) if column.filled]
        if not varied or now.distinct != 1 or min(varied) < view.rules.constant:
            continue
        yield found(
            "constant_column",
            f"the column {name!r} has one value in every row; in earlier batches at least {percent(min(varied))} of "
            f"the rows had another than the most frequent, the limit is {percent(view.rules.constant)}",
            column=name,
            figure=0.0,
            limit=view.rules.constant,
            most=view.most if _stuck(view, name) else milder("doubt", view.most_of_few),
        )


def _stuck(view: View, name: str) -> bool:
    """Whether the column had many values in every accepted batch: one of a few may well be the only one for a while."""
    return all(column.distinct is None or column.distinct >= STUCK for column in view.profiles(name))


def _varied(column: Column) -> float:
    """The part of the values that are not the most frequent one."""
    if column.shares is not None:
        return 1 - max(column.shares.values())
    assert column.numbers is not None
    return 1 - float(np.unique(column.numbers, return_counts=True)[1].max()) / len(column.numbers)


def swapped(view: View) -> Iterator[Finding]:
    """Two columns, each of which holds what the other held."""
    odd = [name for name in view.features if view.span(name).unlike]
    for pair in combinations(odd, 2):
        ways = [(name, other, _crossed(view, name, other)) for name, other in (pair, pair[::-1])]
        if any(across > CLEARER * view.span(name).distance for name, _, across in ways):
            continue
        for name, other, across in ways:
            yield found(
                "swapped_columns",
                f"the column {name!r} holds what {other!r} held in earlier batches, and the other way round: its "
                f"values lie {across:.2f} away from those, and {view.span(name).distance:.2f} from its own",
                column=name,
                figure=across,
                limit=CLEARER * view.span(name).distance,
                most=view.most,
            )


def _crossed(view: View, name: str, other: str) -> float:
    return min((view.now(name).distance(column) for column in view.before(other) if column.filled), default=1.0)


def distributions(view: View) -> Iterator[Finding]:
    """Columns whose values are further from every accepted batch than those were from each other."""
    for name in view.features:
        span = view.span(name)
        if span.broken:
            yield found(
                "distribution",
                f"the values of {name!r} are {span.distance:.2f} away from the nearest earlier batch (0 is alike, 1 "
                f"apart); earlier batches were at most {span.most:.2f} from those before, the limit is "
                f"{span.limit:.2f}",
                column=name,
                figure=span.distance,
                limit=span.limit,
            )
