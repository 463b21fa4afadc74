"""The gate: is the candidate provably better than the champion on rows that neither was trained on?

Pure computation, no input or output. `rules` holds the settings, `judging` decides, and the parts it uses are `metrics`
(what is measured), `statistics` (how sure), `checks` (may it be measured at all) and `criteria` (is it good enough).
What is imported here is light; numpy is loaded when a model is first judged, which spares every cold start a tenth of
a second.
"""

from retrain.gate.decision import Decision, Finding, ModelId
from retrain.gate.rules import GateRules
from retrain.gate.table import ScoreTable

__all__ = ["Decision", "Finding", "GateRules", "ModelId", "ScoreTable", "judge"]


def judge(rules: GateRules, table: ScoreTable, champion: ModelId, candidate: ModelId) -> Decision:
    """Decide whether the candidate may replace the champion; see `judging.decide`. Never raises for bad data."""
    from retrain.gate.judging import decide

    return decide(rules, table, champion, candidate)
