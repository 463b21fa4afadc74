"""The gate: is the candidate provably better than the champion on rows that neither was trained on?

Pure computation, no input or output. `rules` holds the settings, `table` what is judged, `decision` what comes out.
`judging` decides, `reviewing` looks back after a promotion, and the parts they use are `metrics` (what is measured),
`statistics` (how sure), `checks` (may it be measured at all), `criteria` (is it good enough) and `doubts` (may the data
be believed). `evidence` keeps what was judged, to judge it again.
What is imported here is light; numpy is loaded when a model is first judged, which spares every cold start a tenth of
a second.
"""

from retrain.gate.decision import Decision, Finding, Measured, ModelId, Review, SliceMeasured
from retrain.gate.rules import GateRules
from retrain.gate.table import Coded, Hearing, ScoreTable

__all__ = [
    "Coded",
    "Decision",
    "Finding",
    "GateRules",
    "Hearing",
    "Measured",
    "ModelId",
    "Review",
    "ScoreTable",
    "SliceMeasured",
    "judge",
    "review",
]


def judge(rules: GateRules, hearing: Hearing, champion: ModelId | None, candidate: ModelId) -> Decision:
    """Decide whether the candidate may replace the champion; see `judging.decide`. Never raises for bad data."""
    from retrain.gate.judging import decide

    return decide(rules, hearing, champion, candidate)


def review(rules: GateRules, hearing: Hearing, predecessor: ModelId, champion: ModelId) -> Review:
    """Whether the live champion stays; see `reviewing.look_back`. Never raises for bad data.

    In the tables of this hearing `candidate` holds the scores of the live champion, `champion` its predecessor's.
    """
    from retrain.gate.reviewing import look_back

    return look_back(rules, hearing, predecessor, champion)
