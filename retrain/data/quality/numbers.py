"""Rules about the values of columns: nulls, constants, units, ranges, and columns that changed places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from retrain.data.profile import ColumnProfile
from retrain.data.quality.finding import Finding
from retrain.data.quality.measures import Floats, ks, noise
from retrain.data.quality.units import UNITS, Unit, fitting
from retrain.data.quality.view import Column, View, found, percent

CLEARER = 0.5  # what explains a column leaves at most so much of its distance
FAR = 1.0  # widths of the earlier range beyond it
FEWEST = 20  # filled rows of which a distribution can be told


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
            f"the rows had another than the most frequent",
            column=name,
            figure=0.0,
            limit=view.rules.constant,
            most=view.most,
        )


def _varied(column: Column) -> float:
    """The part of the values that are not the most frequent one."""
    if column.shares is not None:
        return 1 - max(column.shares.values())
    assert column.numbers is not None
    return 1 - float(np.unique(column.numbers, return_counts=True)[1].max()) / len(column.numbers)


def swapped(view: View) -> Iterator[Finding]:
    """Two columns, each of which holds what the other held."""
    odd = [name for name in view.features if view.span(name).distance > view.span(name).most + _chance(view, name)]
    for one, other in combinations(odd, 2):
        crossed = [_crossed(view, one, other), _crossed(view, other, one)]
        if all(
            across <= CLEARER * view.span(name).distance for name, across in zip((one, other), crossed, strict=True)
        ):
            for name, from_, across in ((one, other, crossed[0]), (other, one, crossed[1])):
                yield found(
                    "swapped_columns",
                    f"the column {name!r} holds what {from_!r} held in earlier batches, and the other way round",
                    column=name,
                    figure=across,
                    limit=CLEARER * view.span(name).distance,
                    most=view.most,
                )


def _chance(view: View, name: str) -> float:
    return max((noise(view.now(name).rows, column.rows) for column in view.before(name)), default=1.0)


def _crossed(view: View, name: str, other: str) -> float:
    return min((view.now(name).distance(column) for column in view.before(other) if column.filled), default=1.0)


def scales(view: View) -> Iterator[Finding]:
    """Columns in another unit, in all rows or in a part of them; values out of the range of accepted batches."""
    for name in view.measured:
        now = view.now(name).numbers
        before = [column.numbers for column in view.before(name) if column.numbers is not None]
        if now is None or len(now) < FEWEST or not any(len(past) >= FEWEST for past in before):
            continue
        unit = _whole(view, name, now, before)
        yield from [unit] if unit else _outside(view, name, now, [past for past in before if len(past)])


def _whole(view: View, name: str, now: Floats, before: Sequence[Floats]) -> Finding | None:
    span = view.span(name)
    if not span.broken:
        return None
    best = fitting(now, before)
    if best is None or best[1] > min(CLEARER * span.distance, span.limit):
        return None
    unit, apart = best
    sure = unit.wide or span.distance - apart > GAP
    middle, was = float(np.median(now)), float(np.median(np.concatenate(before)))
    return found(
        "unit",
        f"the column {name!r} is in another unit: its median is {middle:.6g} and was {was:.6g}, and its values fit those "
        f"of earlier batches {unit.name}",
        column=name,
        figure=span.distance,
        limit=span.limit,
        most=view.most if sure else "doubt",
    )


GAP = 0.8  # a narrow unit must explain so much to be sure of it


def _outside(view: View, name: str, now: Floats, before: Sequence[Floats]) -> Iterator[Finding]:
    """What lies beyond the range of the accepted batches, and why it may."""
    low, high = _range(view, name)
    beyond = now[(now < low) | (now > high)]
    known = max((_beyond(past, before[:place]) for place, past in enumerate(before) if place), default=0.0)
    share, allowed = len(beyond) / len(now), view.rules.factor * known
    if share > view.rules.mixed_units + allowed and (mixed := _mixed(view, name, beyond, before, share)):
        yield mixed
        return
    width = max(high - low, abs(high), abs(low)) if high == low else high - low
    far = float(((now < low - FAR * width) | (now > high + FAR * width)).mean())
    for rule, figure, limit, what in (
        ("far_values", far, view.rules.mixed_units + allowed, "far beyond"),
        ("range", share, view.rules.beyond_range + allowed, "beyond"),
    ):
        if figure > limit:
            message = (
                f"{percent(figure)} of the values of {name!r} lie {what} {low:.6g} to {high:.6g}, the range of earlier "
                f"batches; the limit is {percent(limit)}"
            )
            yield found(rule, message, column=name, figure=figure, limit=limit)
            return


def _range(view: View, name: str) -> tuple[float, float]:
    lows, highs = zip(*((past.low, past.high) for past in view.profiles(name) if past.low is not None), strict=True)
    return min(lows), max(highs)


def _beyond(values: Floats, before: Sequence[Floats]) -> float:
    low, high = min(past[0] for past in before), max(past[-1] for past in before)
    return float(((values < low) | (values > high)).mean())


def _mixed(view: View, name: str, beyond: Floats, before: Sequence[Floats], share: float) -> Finding | None:
    """The unit in which the values out of range would be ordinary ones."""
    pooled = np.sort(np.concatenate(before))
    apart, number = min((_unlike(unit, beyond, pooled), number) for number, unit in enumerate(UNITS))
    if apart > FITS + noise(len(beyond), len(pooled)):
        return None
    limit = view.rules.mixed_units
    return found(
        "mixed_units",
        f"{percent(share)} of the values of {name!r} lie beyond {pooled[0]:.6g} to {pooled[-1]:.6g}, the range of earlier "
        f"batches, and fit them {UNITS[number].name}: some rows are in another unit; the limit is {percent(limit)}",
        column=name,
        figure=share,
        limit=limit,
        most=view.most,
    )


FITS = 0.15  # so far apart may be the values out of range, in the other unit, and those that it takes out of range


def _unlike(unit: Unit, beyond: Floats, pooled: Floats) -> float:
    """How far values out of range, taken back from a unit, are from the ordinary ones that the unit takes there."""
    there = unit.applied(pooled)
    expected = pooled[(there < pooled[0]) | (there > pooled[-1])]
    return ks(np.sort(unit.undone(beyond)), expected) if len(expected) >= FEWEST else 1.0


def distributions(view: View) -> Iterator[Finding]:
    """Columns whose values are further from every accepted batch than those were from each other."""
    for name in view.features:
        span = view.span(name)
        if span.broken:
            yield found(
                "distribution",
                f"the values of {name!r} are {span.distance:.2f} away from the nearest earlier batch (0 is alike, 1 apart); "
                f"earlier batches were at most {span.most:.2f} from those before, the limit is {span.limit:.2f}",
                column=name,
                figure=span.distance,
                limit=span.limit,
            )
