"""The modules that a pipeline can be made of: their ports, their fields, and what fields can hold.

What a module does is in modules.py. Names are the designer's own where it has the module
(source: the component reference); fields that it does not have are marked as ours in README.md.
"""

from collections.abc import Callable

import msgspec

from local.services.azureml.records import DEFAULT_STORE
from local.services.engine.learners import PARAMETERS

DATASET, MODEL, LEARNER = "dataset", "model", "untrained model"


class Port(msgspec.Struct, frozen=True):
    """An input or output: its name, and the kind of thing that goes through."""

    name: str
    kind: str = DATASET
    optional: bool = False


class Field(msgspec.Struct, frozen=True):
    """A field: its default (None: a value must be given), and a check that raises ValueError for what cannot be."""

    default: str | None
    check: Callable[[str], object] = str


class Module(msgspec.Struct, frozen=True):
    """One kind of module."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    fields: dict[str, Field]


class Trainer(msgspec.Struct, frozen=True):
    """A learner module: the engine's learner behind it, and which of the engine's parameters its fields set."""

    task: str
    learner: str
    fields: dict[str, str]


def one_of(*values: str) -> Callable[[str], object]:
    """A check for a choice."""

    def check(value: str) -> str:
        if value not in values:
            raise ValueError(f"{value!r} is none of {', '.join(values)}")
        return value

    return check


def within(low: float, high: float) -> Callable[[str], object]:
    """A check for a number."""

    def check(value: str) -> float:
        if not low <= float(value) <= high:
            raise ValueError(f"{value!r} is not a number from {low:g} to {high:g}")
        return float(value)

    return check


_TRUE_FALSE = one_of("True", "False")
_SEED, _LEAVES, _LEAF = "Random number seed", "Maximum number of leaves per tree", "Min Leaf Rows"
_BOOSTED = {
    _LEAVES: "Max Leaves",
    "Minimum number of training instances required to form a leaf": _LEAF,
    "The learning rate": "Learning Rate",
    "Total number of trees constructed": "Iterations",
    _SEED: "Seed",
}
_FOREST = {
    "Number of decision trees": "Trees",
    "Minimum number of samples per leaf node": _LEAF,
    _SEED: "Seed",
}
_L2 = {"L2 regularization weight": "L2 Weight", _SEED: "Seed"}

TRAINERS: dict[str, Trainer] = {
    "Linear Regression": Trainer("regression", "ridge", _L2),
    "Boosted Decision Tree Regression": Trainer("regression", "boosted-trees", _BOOSTED),
    "Decision Forest Regression": Trainer("regression", "random-forest", _FOREST),
    "Two-Class Logistic Regression": Trainer("classification", "logistic-regression", _L2),
    "Two-Class Boosted Decision Tree": Trainer("classification", "boosted-trees", _BOOSTED),
    "Two-Class Decision Forest": Trainer("classification", "random-forest", _FOREST),
}
"""Linear Regression with an L2 weight of 0 is ordinary least squares."""


def _trainer(trainer: Trainer) -> Module:
    fields = {name: Field(PARAMETERS[parameter].default) for name, parameter in trainer.fields.items()}
    return Module(inputs=(), outputs=(Port("Untrained model", LEARNER),), fields=fields)


_RESULT = Port("Results dataset")
_CLEANING = (
    "Custom substitution value",
    "Replace with mean",
    "Replace with median",
    "Replace with mode",
    "Remove entire row",
    "Remove entire column",
)
MODULES: dict[str, Module] = {
    **{name: _trainer(trainer) for name, trainer in TRAINERS.items()},
    "Import Data": Module(
        inputs=(),
        outputs=(_RESULT,),
        fields={
            "Data source": Field("Datastore", one_of("Datastore", "URL via HTTP")),
            "Datastore": Field(DEFAULT_STORE),
            "Path": Field(""),
            "Data source URL": Field(""),
        },
    ),
    "Select Columns in Dataset": Module(
        inputs=(Port("Dataset"),),
        outputs=(_RESULT,),
        fields={"Rule": Field("Include", one_of("Include", "Exclude")), "Select columns": Field(None)},
    ),
    "Clean Missing Data": Module(
        inputs=(Port("Dataset"),),
        outputs=(Port("Cleaned dataset"),),
        fields={
            "Columns to be cleaned": Field(""),
            "Minimum missing value ratio": Field("0", within(0, 1)),
            "Maximum missing value ratio": Field("1", within(0, 1)),
            "Cleaning mode": Field("Custom substitution value", one_of(*_CLEANING)),
            "Replacement value": Field("0"),
        },
    ),
    "Split Data": Module(
        inputs=(Port("Dataset"),),
        outputs=(Port("Results dataset1"), Port("Results dataset2")),
        fields={
            "Splitting mode": Field("Split Rows", one_of("Split Rows", "Regular Expression", "Relative Expression")),
            "Fraction of rows in the first output dataset": Field("0.5", within(0, 1)),
            "Randomized split": Field("True", _TRUE_FALSE),
            "Random seed": Field("0", int),
            "Stratified split": Field("False", _TRUE_FALSE),
            "Stratification key column": Field(""),
            "Regular expression": Field(""),
            "Relational expression": Field(""),
        },
    ),
    "Train Model": Module(
        inputs=(Port("Untrained model", LEARNER), Port("Dataset")),
        outputs=(Port("Trained model", MODEL),),
        fields={
            "Label column": Field(None),
            "Positive Class": Field(""),
            "Excluded Columns": Field(""),
            "Categorical Columns": Field(""),
        },
    ),
    "Trained Model": Module(
        inputs=(),
        outputs=(Port("Trained model", MODEL),),
        fields={"Datastore": Field(DEFAULT_STORE), "Path": Field(None)},
    ),
    "Score Model": Module(
        inputs=(Port("Trained model", MODEL), Port("Dataset")), outputs=(Port("Scored dataset"),), fields={}
    ),
    "Evaluate Model": Module(
        inputs=(Port("Scored dataset"), Port("Scored dataset to compare", optional=True)),
        outputs=(Port("Evaluation results"),),
        fields={},
    ),
    "Export Data": Module(
        inputs=(Port("Dataset"),),
        outputs=(),
        fields={"Datastore": Field(DEFAULT_STORE), "Path": Field(None)},
    ),
}
