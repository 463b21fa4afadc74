"""The learners a training experiment can use, and the parameters that steer it. Data and files are elsewhere.

| learner | task | stands for the Studio module |
|---|---|---|
| linear-regression | regression | Linear Regression (ordinary least squares) |
| ridge | regression | Linear Regression with L2 weight |
| boosted-trees | both | Boosted Decision Tree Regression, Two-Class Boosted Decision Tree |
| random-forest | both | Decision Forest Regression, Two-Class Decision Forest |
| logistic-regression | classification | Two-Class Logistic Regression |
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

TASKS = ("regression", "classification")
LEARNERS: dict[str, tuple[str, ...]] = {
    "regression": ("ridge", "linear-regression", "boosted-trees", "random-forest"),
    "classification": ("logistic-regression", "boosted-trees", "random-forest"),
}


class BadParameter(ValueError):
    """A parameter's value is unusable; `name` says which."""

    def __init__(self, name: str, wanted: str):
        super().__init__(f"{name}: {wanted}")
        self.name = name
        self.wanted = wanted


class Plan(msgspec.Struct, kw_only=True, frozen=True):
    """What to train and how, read from the strings that web-service parameters are."""

    task: str
    learner: str
    label: str
    split: float
    split_mode: str
    seed: int
    positive: str
    excluded: tuple[str, ...]
    categories: tuple[str, ...]
    l2: float
    iterations: int
    learning_rate: float
    max_leaves: int
    min_leaf_rows: int
    trees: int


class _Parameter(msgspec.Struct, frozen=True):
    field: str
    default: str
    read: Callable[[str], Any]


def _number(kind: type, low: float, high: float) -> Callable[[str], Any]:
    def read(value: str) -> Any:
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise ValueError(f"{value!r} is not {'a whole' if kind is int else 'a'} number from {low:g} to {high:g}")
        return number

    return read


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _split_mode(value: str) -> str:
    if value not in ("random", "last"):
        raise ValueError(f"{value!r} is neither 'random' nor 'last'")
    return value


def _fraction(value: str) -> float:
    number: float = _number(float, 0.05, 1)(value)
    return number


PARAMETERS: dict[str, _Parameter] = {
    "Learner": _Parameter("learner", "", str),
    "Label": _Parameter("label", "", str),
    "Split Fraction": _Parameter("split", "0.7", _fraction),
    "Split Mode": _Parameter("split_mode", "random", _split_mode),
    "Seed": _Parameter("seed", "0", _number(int, 0, 2**32 - 1)),
    "Positive Class": _Parameter("positive", "", str),
    "Excluded Columns": _Parameter("excluded", "", _names),
    "Categorical Columns": _Parameter("categories", "", _names),
    "L2 Weight": _Parameter("l2", "1.0", _number(float, 1e-9, 1e9)),
    "Iterations": _Parameter("iterations", "100", _number(int, 1, 5000)),
    "Learning Rate": _Parameter("learning_rate", "0.1", _number(float, 1e-6, 1)),
    "Max Leaves": _Parameter("max_leaves", "31", _number(int, 2, 4096)),
    "Min Leaf Rows": _Parameter("min_leaf_rows", "20", _number(int, 1, 1_000_000)),
    "Trees": _Parameter("trees", "50", _number(int, 1, 1000)),
}


def defaults(task: str, label: str, learner: str | None, given: Mapping[str, str | None]) -> dict[str, str | None]:
    """All parameters of an experiment with their defaults, `given` ones first; None = the caller must say.

    Raises: BadParameter.
    """
    unknown = [name for name in given if name not in PARAMETERS]
    if unknown:
        raise BadParameter(unknown[0], f"there is no such parameter; there are {', '.join(PARAMETERS)}")
    own = {"Learner": learner or LEARNERS[task][0], "Label": label}
    return {name: given.get(name, own.get(name, parameter.default)) for name, parameter in PARAMETERS.items()}


def plan(task: str, values: Mapping[str, str]) -> Plan:
    """The plan that the values describe. Raises: BadParameter naming the first unusable value."""
    fields: dict[str, Any] = {"task": task}
    for name, parameter in PARAMETERS.items():
        try:
            fields[parameter.field] = parameter.read(values[name])
        except ValueError as wrong:
            raise BadParameter(name, str(wrong)) from wrong
    if fields["learner"] not in LEARNERS[task]:
        raise BadParameter("Learner", f"{fields['learner']!r} is not one of {', '.join(LEARNERS[task])} ({task})")
    if not fields["label"]:
        raise BadParameter("Label", "name the column to predict")
    return Plan(**fields)
