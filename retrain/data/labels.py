"""What a label may be: a finite number for regression, one of two classes for classification. Nothing else."""

import math
from collections.abc import Collection

from retrain.data.tables import BadData


def number(text: str) -> float | None:
    """The finite number that the text spells, or None. Underscores, which Python allows in numbers, are refused."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def positive_class(classes: Collection[str], configured: str | None = None) -> str:
    """The class whose probability is predicted: the configured one, else the last in order.

    Last in order is what scikit-learn and Studio (classic) take. When text order, order without capitals and order as
    numbers disagree (`9` and `10`, `TRUE` and `false`), nothing is guessed.
    Raises BadData with what to configure.
    """
    named = ", ".join(map(repr, sorted(classes)))
    if configured is not None:
        if configured not in classes:
            raise BadData([f"positive = {configured!r} is not one of the label's classes, {named}"])
        return configured
    if len(classes) != 2:
        raise BadData([f"the label has {len(classes)} classes ({named}); exactly two are expected"])
    last = {max(classes), max(classes, key=str.casefold)}
    if all(number(name) is not None for name in classes):
        last.add(max(classes, key=float))
    if len(last) > 1:
        raise BadData([f"which of the classes {named} is the positive one? Set `positive` in the configuration"])
    return last.pop()
