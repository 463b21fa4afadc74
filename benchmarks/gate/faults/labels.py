"""Faults of the label: what is to be learnt is wrong, while the rows look as ever."""

from __future__ import annotations

import numpy as np

from benchmarks.gate.faults.scene import Fault, Rng, Scene, as_number, changed, numbers_of, some, written
from benchmarks.gate.sheet import Sheet

SHARES = {"10 %": 0.1, "30 %": 0.3, "all": 1.0}


def shuffled(scene: Scene, rng: Rng, share: float) -> Sheet:
    """The labels of the struck rows change places."""
    batch, struck = scene.batch, np.flatnonzero(some(scene.batch, rng, share))
    labels = np.array(batch.column(scene.label), dtype=object)
    labels[struck] = labels[rng.permutation(struck)]
    return batch.with_column(scene.label, labels.tolist())


def _upside_down(scene: Scene) -> tuple[float, float]:
    if scene.stream.kind == "classification":
        return 0.0, 1.0
    values = numbers_of(scene.batch, scene.label)
    return float(values.min()), float(values.max())


def inverted(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Classes are exchanged; numbers are mirrored within their range."""
    low, high = _upside_down(scene)
    mirror = as_number(lambda value: low + high - value)
    return changed(scene.batch, scene.label, some(scene.batch, rng, share), mirror)


def constant(scene: Scene, rng: Rng, share: float) -> Sheet:
    """One value, the middle one, for the struck rows."""
    middle = sorted(scene.batch.column(scene.label), key=float)[len(scene.batch) // 2]
    return changed(scene.batch, scene.label, some(scene.batch, rng, share), lambda _: middle)


def scaled(scene: Scene, rng: Rng, factor: float) -> Sheet:
    """Another unit: every label times a factor."""
    return changed(scene.batch, scene.label, [True] * len(scene.batch), as_number(lambda value: value * factor))


def scaled_tenth(scene: Scene, rng: Rng, factor: float) -> Sheet:
    """A tenth of the labels in another unit."""
    return changed(scene.batch, scene.label, some(scene.batch, rng, 0.1), as_number(lambda value: value * factor))


def offset(scene: Scene, rng: Rng, spreads: float) -> Sheet:
    """Every label moved by so many standard deviations."""
    move = spreads * float(numbers_of(scene.batch, scene.label).std())
    return changed(scene.batch, scene.label, [True] * len(scene.batch), as_number(lambda value: value + move))


def clipped(scene: Scene, rng: Rng, quantile: float) -> Sheet:
    """A meter that cannot count further."""
    most = float(np.quantile(numbers_of(scene.batch, scene.label), quantile))
    return changed(scene.batch, scene.label, [True] * len(scene.batch), as_number(lambda value: min(value, most)))


def empty(scene: Scene, rng: Rng, share: float) -> Sheet:
    """No label."""
    return changed(scene.batch, scene.label, some(scene.batch, rng, share), lambda _: "")


def moved_down(scene: Scene, rng: Rng, rows: int) -> Sheet:
    """Every label in the row of another: a join that slipped."""
    labels = scene.batch.column(scene.label)
    return scene.batch.with_column(scene.label, labels[-rows:] + labels[:-rows])


def by_rule(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Where the most telling number is high, a share of labels is upside down: wrong in a way that can be learnt."""
    batch, column = scene.batch, numbers_of(scene.batch, scene.stream.numbers[0])
    high = column > np.nanmedian(column)
    low, top = _upside_down(scene)
    struck = (high & (rng.random(len(batch)) < share)).tolist()
    return changed(batch, scene.label, struck, as_number(lambda value: low + top - value))


def not_yet(scene: Scene, rng: Rng, share: float) -> Sheet:
    """In the newest half, a share of what will be positive has not been recorded yet."""
    batch, newest = scene.batch, np.arange(len(scene.batch)) >= len(scene.batch) // 2
    struck = (newest & (rng.random(len(batch)) < share)).tolist()
    return changed(batch, scene.label, struck, lambda _: "0")


def class_gone(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Rows of class 1 are lost, all or most of them; of numbers, the upper half."""
    values = numbers_of(scene.batch, scene.label)
    limit = 0.5 if scene.stream.kind == "classification" else float(np.median(values))
    lost = (values > limit) & (rng.random(len(values)) < share)
    return scene.batch.picked(np.flatnonzero(~lost).tolist())


def from_feature(scene: Scene, rng: Rng, _: None) -> Sheet:
    """A feature and the label exchanged, as by a wrong header."""
    batch, column = scene.batch, scene.number(rng)
    labels = batch.column(scene.label)
    return batch.with_column(scene.label, batch.column(column)).with_column(column, labels)


def renamed_classes(scene: Scene, rng: Rng, names: dict[str, str]) -> Sheet:
    """The classes are spelled otherwise."""
    return changed(scene.batch, scene.label, [True] * len(scene.batch), lambda value: names.get(value, value))


def leaked(scene: Scene, rng: Rng, noise: float) -> Sheet:
    """What is only known afterwards stands in a feature: the label itself, or nearly."""
    labels = numbers_of(scene.batch, scene.label)
    told = labels + noise * labels.std() * rng.normal(size=len(labels))
    return scene.batch.with_column(scene.number(rng), [written(value) for value in told])


def leaked_tenth(scene: Scene, rng: Rng, share: float) -> Sheet:
    """The same in some of the rows, so that the feature still looks like itself."""
    labels = scene.batch.column(scene.label)
    column = scene.number(rng)
    triples = zip(scene.batch.column(column), labels, some(scene.batch, rng, share), strict=True)
    return scene.batch.with_column(column, [label if hit else value for value, label, hit in triples])


GROUP = "label"
FAULTS = (
    Fault(GROUP, "labels shuffled", shuffled, SHARES),
    Fault(GROUP, "labels inverted", inverted, SHARES),
    Fault(GROUP, "labels constant", constant, SHARES),
    Fault(GROUP, "labels scaled", scaled, {"×1.1": 1.1, "×10": 10, "×1000": 1000, "×0.5": 0.5}, only="regression"),
    Fault(GROUP, "a tenth of the labels scaled", scaled_tenth, {"×10": 10, "×0.1": 0.1}, only="regression"),
    Fault(GROUP, "labels offset", offset, {"0.3 sd": 0.3, "1 sd": 1, "10 sd": 10, "-1 sd": -1}, only="regression"),
    Fault(GROUP, "labels clipped", clipped, {"upper tenth": 0.9, "upper half": 0.5}, only="regression"),
    Fault(GROUP, "labels empty", empty, {"1 %": 0.01, "30 %": 0.3, "all": 1.0}),
    Fault(GROUP, "labels a row off", moved_down, {"1 row": 1, "100 rows": 100}),
    Fault(GROUP, "labels wrong by a rule", by_rule, {"30 %": 0.3, "all": 1.0}),
    Fault(GROUP, "labels not in yet", not_yet, {"30 %": 0.3, "80 %": 0.8}, only="classification"),
    Fault(GROUP, "one class gone", class_gone, {"half": 0.5, "90 %": 0.9, "all": 1.0}),
    Fault(GROUP, "label and feature swapped", from_feature),
    Fault(
        GROUP,
        "classes renamed",
        renamed_classes,
        {"yes and no": {"1": "yes", "0": "no"}, "2 and 1": {"1": "2", "0": "1"}},
        only="classification",
    ),
    Fault(GROUP, "label leaks into a feature", leaked, {"exactly": 0.0, "with noise": 0.3, "with much noise": 1.0}),
    Fault(GROUP, "label leaks in some rows", leaked_tenth, {"10 %": 0.1, "50 %": 0.5}),
)
