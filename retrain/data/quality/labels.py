"""Rules about the label: its values, and its relation to the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from retrain.data.quality.finding import Finding
from retrain.data.quality.relation import Rows, Told, inside, learn, rows_of, together
from retrain.data.quality.view import View, found, percent

CHANCE = 2.5  # standard errors of a correlation of nothing
WEAK = 0.1  # correlation below which the columns told too little of the label before to miss it now
VANISHED = 0.25  # of the weakest relation among earlier batches
FEWEST_ALIKE = 3  # comparisons of which it can be told how alike batches are
FEWEST_LOST = 20  # rows of a class that earlier batches would have had here
JUMP = 0.2  # a column may tell so much more of the label than it ever did
FEWEST_ROWS = 40  # sampled rows of which a relation can be told
NEARER = 0.6  # of what is left between a relation and certainty
STRONG = 0.8  # a column that tells so much of the label and never did is remarkable, whatever the jumps so far
ALMOST = 0.5  # what a column may tell of the label at most before its jump is remarkable


def values(view: View) -> Iterator[Finding]:
    """A label with one value, a class that is gone, or labels unlike those of every accepted batch."""
    label = view.spec.label
    known = view.batch.profile.label.classes
    if (len(known) if known is not None else len(np.unique(view.batch.sample.labels))) < 2:
        yield found("constant_label", f"the label {label!r} has the same value in every row", column=label, figure=1.0)
        return
    gone = list(_gone(view)) if known is not None else []
    yield from gone or _shifted(view)


def _gone(view: View) -> Iterator[Finding]:
    now = view.batch.profile.label.classes or {}
    for name in sorted({name for known in view.earlier for name in known.profile.label.classes or {}}):
        shares = [(known.profile.label.classes or {}).get(name, 0) / known.profile.rows for known in view.earlier]
        expected = min(shares) * view.batch.profile.rows
        if not now.get(name) and expected >= FEWEST_LOST:
            message = (
                f"no row has the class {name!r} of the label {view.spec.label!r}; earlier batches had it in at least "
                f"{percent(min(shares))} of the rows"
            )
            yield found("class_gone", message, column=view.spec.label, figure=0.0, limit=min(shares))


def _shifted(view: View) -> Iterator[Finding]:
    name, span = view.spec.label, view.span(view.spec.label)
    if span.broken:
        known = f"earlier batches were at most {span.most:.2f} from those before, " if len(view.earlier) > 1 else ""
        message = (
            f"the labels {name!r} are {span.distance:.2f} away from those of the nearest earlier batch (0 is alike, 1 "
            f"apart); {known}the limit is {span.limit:.2f}"
        )
        yield found("label_shift", message, column=name, figure=span.distance, limit=span.limit)


def relation(view: View) -> Iterator[Finding]:
    """Labels that do not follow the columns as they did, or not at all; columns that tell suddenly more of them."""
    rows = view.batch.sample.rows
    if not view.earlier or not view.features or rows < FEWEST_ROWS or np.ptp(view.batch.sample.labels) == 0:
        return
    *before, now = rows_of((*view.earlier, view.batch), view.features)
    own, past = inside(now), [inside(one) for one in before if len(one.labels) >= FEWEST_ROWS]
    if not past:
        return
    yield from _loosened(view, now, before, own, past)
    yield from _leaks(view, own, past)


def _loosened(view: View, now: Rows, before: Sequence[Rows], own: Told, past: Sequence[Told]) -> Iterator[Finding]:
    label, chance = view.spec.label, CHANCE / len(now.labels) ** 0.5
    lesson = learn(together(before))
    told, known = lesson.asked(now), _earlier_strengths(before, past)
    figure = told.strength
    limit = _least(known, view.rules.relation, view.rules.factor) - chance
    if min(known) <= WEAK or figure >= limit:
        return
    if unrelated := _unrelated(view, figure, own, past, chance):
        yield unrelated
        return
    message = (
        f"the label {label!r} does not follow the columns as before: what earlier batches foretell of it has a "
        f"correlation of {figure:.2f} with it; among earlier batches it was at least {min(known):.2f}, the limit is "
        f"{limit:.2f}; most changed: {_most_changed(told, lesson.asked(before[-1]))}"
    )
    yield found("label_relation", message, column=label, figure=figure, limit=limit)


def _unrelated(view: View, foretold: float, own: Told, past: Sequence[Told], chance: float) -> Finding | None:
    """Nothing tells the label, neither what was learned before nor the batch itself: its labels are not its own."""
    known = min(one.strength for one in past)
    limit = max(VANISHED * known, chance)
    if known <= WEAK or max(own.strength, abs(foretold)) >= limit:
        return None
    message = (
        f"no column tells anything of the label {view.spec.label!r}: half of the rows foretell the other half with a "
        f"correlation of {own.strength:.2f}; in earlier batches it was at least {known:.2f}, the limit is {limit:.2f}"
    )
    return found("label_unrelated", message, column=view.spec.label, figure=own.strength, limit=limit, most=view.most)


def _least(known: Sequence[float], share: float, factor: float) -> float:
    """The least relation that is believed: a share of the weakest so far; less far below it when all were alike."""
    low = min(known)
    return share * low if len(known) < FEWEST_ALIKE else max(share * low, low - factor * (max(known) - low))


def _earlier_strengths(before: Sequence[Rows], past: Sequence[Told]) -> list[float]:
    """How well batches foretold the one after them; of a single one, its halves each other."""
    own = [learn(together(before[:place])).asked(one).strength for place, one in enumerate(before) if place]
    return own or [past[0].strength]


def _most_changed(now: Told, last: Told) -> str:
    name = max(now.by_column, key=lambda one: abs(now.by_column[one] - last.by_column[one]))
    return f"{name!r} from {last.by_column[name]:.2f} to {now.by_column[name]:.2f}"


def _leaks(view: View, own: Told, past: Sequence[Told]) -> Iterator[Finding]:
    for name, figure in own.by_column.items():
        before = [one.by_column[name] for one in past]
        limit = max(ALMOST, _most(before, view.rules.factor))
        if figure <= limit:
            continue
        message = (
            f"the column {name!r} suddenly tells the label {view.spec.label!r}: its correlation with it is "
            f"{figure:.2f}; in earlier batches it was at most {max(before):.2f}, the limit is {limit:.2f}; does it "
            f"hold what is known only afterwards?"
        )
        rule = "leak" if figure >= view.rules.leak else "sudden_relation"
        yield found(rule, message, column=name, figure=figure, limit=limit)


def _most(before: Sequence[float], factor: float) -> float:
    """What a column may tell of the label at most, given what it told in each earlier batch."""
    jumps = [one - max(before[:place]) for place, one in enumerate(before) if place]
    usual = max(before) + (JUMP + factor * max(0.0, *jumps) if jumps else 2 * JUMP)
    return min(usual, max(STRONG, max(before) + min(0.75 * JUMP, NEARER * (1 - max(before)))))
