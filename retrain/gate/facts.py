"""The metrics the gate knows, as facts: name, direction, what they need. How they are computed lives in `metrics`.

Kept apart so that a configuration can be checked without loading numpy (a tenth of a second of a cold start).
"""

import difflib
from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["classification", "regression"]


class MetricFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. `probabilities` means that predictions outside 0 to 1 make no sense for it."""

    name: str
    label: str
    kind: Kind
    higher_is_better: bool
    probabilities: bool = False

    @property
    def perfect(self) -> float:
        """The value of a model that is never wrong: 1 for scores, 0 for losses."""
        return 1.0 if self.higher_is_better else 0.0


CATALOGUE: dict[str, MetricFacts] = {
    facts.name: facts
    for facts in (
        MetricFacts(name="auc", label="AUC", kind="classification", higher_is_better=True),
        MetricFacts(
            name="log_loss", label="log loss", kind="classification", higher_is_better=False, probabilities=True
        ),
        MetricFacts(
            name="accuracy", label="accuracy", kind="classification", higher_is_better=True, probabilities=True
        ),
        MetricFacts(name="f1", label="F1", kind="classification", higher_is_better=True, probabilities=True),
        MetricFacts(name="rmse", label="RMSE", kind="regression", higher_is_better=False),
        MetricFacts(name="mae", label="MAE", kind="regression", higher_is_better=False),
    )
}


def unknown_metric(name: str) -> str:
    """A sentence for a metric the gate does not know, with the closest names first."""
    return f"metric {name!r} is not one the gate knows; {suggest(name, CATALOGUE)}"


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean 'auc'?` when something is close, otherwise the list of what there is."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"it knows {', '.join(names)}"
