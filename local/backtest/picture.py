"""A replay as a picture: how the live model did over time under each policy, and what each made of every batch.

Matplotlib is loaded when a picture is drawn, and draws into a file without any display.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from local.backtest.hindsight import regret
from local.backtest.replay import Course, Record, Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, DPI = 13.0, 10.0, 120  # inches and dots: readable on a screen and on a page
LONGEST_NAME = 14  # characters of a batch's name below the picture
MOST_NAMES = 32  # names along the axis before they would run into one another

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLOURS = {
    "never retrain": "#999999",
    "always newest": "#56B4E9",
    "higher is better": "#E69F00",
    "interval only": "#009E73",
    "this gate": "#0072B2",
    "the other gate": "#CC79A7",
}
SPARE = "#000000"
UNBOUNDED = "never retrain"
GATES = ("this gate", "the other gate")
BAD = "#D55E00"
SPOILT = "#FBE3D6"  # behind a batch whose clean rows are known and are not what landed
MARKS = {"kept": "|", "quarantined": "s", "crashed": "X"}
SHADES = ("#4D4D4D", "#8C510A", "#5E3C99", "#1B7837", "#C51B7D", "#35978F", "#BFA004", "#08306B", "#B2182B", "#A6611A")


def draw(replay: Replay, file: Path) -> None:
    """Writes a PNG of `WIDTH` x `HEIGHT` inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    rows = len(replay.courses)
    top, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(8, 5, 1.0 + 0.6 * rows))
    _values(top, replay)
    _regrets(middle, replay)
    _rulings(below, replay)
    for axes in (top, middle, below):
        _spoilt(axes, replay)
    _along(below, replay.steps[1:])
    figure.savefig(file, format="png", metadata={"Software": None})


def _values(axes: Axes, replay: Replay) -> None:
    facts = replay.metric.facts
    better = "higher" if facts.higher_is_better else "lower"
    unit = f" in units of {replay.label}" if facts.kind == "regression" else ""
    axes.set_title(
        f"{replay.model}: {facts.label} of the live model on the next batch, {replay.learner}, "
        f"{len(replay.steps)} batches",
        loc="left",
        fontsize=13,
        fontweight="bold",
    )
    axes.set_ylabel(f"{facts.label}{unit} ({better} is better)")
    _line(axes, replay.oracle, _label(replay, replay.oracle), color="black", linestyle=":", linewidth=1.6, zorder=2)
    for course in replay.courses:
        gate = course.policy in GATES
        style = {"linewidth": 2.6 if gate else 1.3, "zorder": 5 if gate else 3, "alpha": 1.0 if gate else 0.9}
        _line(axes, course, _label(replay, course), color=_colour(course), **style)
        _promotions(axes, course, 6 if gate else 4)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=9, title="mean, and regret to oracle"
    )


def _spoilt(axes: Axes, replay: Replay) -> None:
    for place, name in enumerate(replay.steps[1:]):
        if name in replay.spoilt:
            axes.axvspan(place - 0.42, place + 0.42, color=SPOILT, linewidth=0, zorder=0)


def _line(axes: Axes, course: Course, label: str, **style: object) -> None:
    values = [math.nan if value is None else value for value in course.values]
    axes.plot(range(len(values)), values, label=label, **style)  # type: ignore[arg-type]


def _promotions(axes: Axes, course: Course, depth: int) -> None:
    """A dot where a model went live; a cross over it where that did harm."""
    live = [(place, record) for place, record in enumerate(course.records) if record.ruling.promoted]
    live = [(place, record) for place, record in live if record.value is not None]
    harm = [(place, record) for place, record in live if record.wrong]
    colour, size = _colour(course), 34 if course.policy in GATES else 16
    axes.scatter(*_points(live), s=size, color=colour, zorder=depth, linewidths=0)
    axes.scatter(*_points(harm), s=60, color=BAD, marker="x", zorder=depth + 1, linewidths=1.6)


def _points(found: Sequence[tuple[int, Record]]) -> tuple[list[int], list[float]]:
    return [place for place, _ in found], [record.value or 0.0 for _, record in found]


def _label(replay: Replay, course: Course) -> str:
    mean, regret = course.mean, replay.relative_regret(course)
    shown = "" if mean is None else f"  {mean:.4g}"
    return f"{course.policy}{shown}" + ("" if regret is None or course is replay.oracle else f"  {regret:+.1%}")


def _regrets(axes: Axes, replay: Replay) -> None:
    """What each policy has lost against the oracle so far. One that never retrains may leave through the top."""
    known = [0.0]
    for course in replay.courses:
        sums = _cumulated(course, replay)
        gate = course.policy in GATES
        axes.plot(
            range(len(sums)), sums, color=_colour(course), linewidth=2.6 if gate else 1.3, zorder=5 if gate else 3
        )
        known += [] if course.policy == UNBOUNDED else [value for value in sums if math.isfinite(value)]
    axes.axhline(0, color="black", linestyle=":", linewidth=1.6, zorder=2)
    low, high = min(known), max(known)
    if high > low:
        margin = 0.2 * (high - low)
        axes.set_ylim(low - margin, high + margin)
    axes.set_ylabel(f"regret, summed\n({replay.metric.facts.label} lost to the oracle)")
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)


def _cumulated(course: Course, replay: Replay) -> list[float]:
    sums, total = [], 0.0
    for value, best in zip(course.values, replay.oracle.values, strict=True):
        known = value is not None and best is not None
        total += regret(value, best, replay.metric) if value is not None and best is not None else 0.0
        sums.append(total if known else math.nan)
    return sums


def _rulings(axes: Axes, replay: Replay) -> None:
    """A row a policy, a mark a batch: what became of it, and by which rule."""
    courses = replay.courses
    rules = list(dict.fromkeys(rule for course in courses if course.policy in GATES for rule in course.refusals))
    shades = {rule: SHADES[number % len(SHADES)] for number, rule in enumerate(rules)}
    for row, course in enumerate(courses):
        _row(axes, row, course, shades)
    axes.set_yticks(range(len(courses)), [course.policy for course in courses])
    axes.set_ylim(len(courses) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#EEEEEE", linewidth=0.7)
    axes.set_axisbelow(True)
    _explain(axes, replay, shades)


def _row(axes: Axes, row: int, course: Course, shades: dict[str, str]) -> None:
    for place, record in enumerate(course.records):
        ruling = record.ruling
        if ruling.promoted:
            axes.scatter(
                place, row, s=46, color=BAD if record.wrong else _colour(course), marker="o", linewidths=0, zorder=3
            )
        else:
            shade = shades.get(ruling.rule, "#AAAAAA") if course.policy in GATES else "#AAAAAA"
            axes.scatter(place, row, s=60, color=shade, marker=MARKS[ruling.outcome], linewidths=1.8, zorder=3)
        if ruling.rolled_back:
            axes.scatter(place, row, s=130, facecolors="none", edgecolors=BAD, marker="o", linewidths=1.4, zorder=4)


def _explain(axes: Axes, replay: Replay, shades: dict[str, str]) -> None:
    from matplotlib.lines import Line2D

    def mark(marker: str, colour: str, label: str, **more: object) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, label=label, markersize=7, **more)  # type: ignore[arg-type]

    courses = replay.courses
    outcomes = {record.ruling.outcome for course in courses for record in course.records}
    known = [mark("o", SPARE, "promoted"), mark("o", BAD, "promoted, and worse than before")]
    known += [mark("s", "#AAAAAA", "refused by intake")] if "quarantined" in outcomes else []
    known += [mark("X", "#AAAAAA", "crashed")] if "crashed" in outcomes else []
    if any(course.rolled_back for course in courses):
        known.append(mark("o", "none", "rolled back", markeredgecolor=BAD))
    known += [mark("s", SPOILT, "known to be spoilt", markeredgewidth=4)] if replay.spoilt else []
    known += [mark("|", shade, f"refused: {rule}", markeredgewidth=2) for rule, shade in shades.items()]
    axes.legend(handles=known, loc="upper left", bbox_to_anchor=(1.0, 1.08), frameon=False, fontsize=8.5)


def _along(axes: Axes, names: Sequence[str]) -> None:
    every = math.ceil(len(names) / MOST_NAMES)
    shown = range(0, len(names), every)
    axes.set_xticks(list(shown), [_short(names[place]) for place in shown], rotation=45, ha="right", fontsize=8.5)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xlabel("batch that was decided about")


def _short(name: str) -> str:
    stem = name.removesuffix(".gz").removesuffix(".csv")
    return stem if len(stem) <= LONGEST_NAME else "…" + stem[-LONGEST_NAME:]


def _colour(course: Course) -> str:
    return COLOURS.get(course.policy, SPARE)
