"""What became of a run, in words that a stranger understands. Figures come from the run's own record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cli.times import between, instant
from retrain.run import State

Json = Mapping[str, Any]


def seconds_after(handed_in: datetime, run: Json) -> float:
    """From handing the file in until the new model was live, or until the run's end when none went live."""
    end = instant(run["times"].get("live") or run["entered"])
    assert end is not None
    return (end - handed_in).total_seconds()


def failed_rules(run: Json) -> list[str]:
    """The gate's rules that said no; empty when it was not asked."""
    findings = (run.get("decision") or {}).get("decision", {}).get("findings", [])
    return [finding["rule"] for finding in findings if finding["verdict"] == "fail"]


def told(run: Json, after: float) -> list[str]:
    """The run in two or three sentences, a line each."""
    lines = [_trained(run)] if run.get("verdict") else []
    return [*lines, _ENDS.get(run["state"], _other)(run, after)]


def reason(run: Json) -> str:
    """Why it ended as it did, short enough for a table."""
    return _REASONS.get(run["state"], _plainly)(run)


def _plainly(run: Json) -> str:
    return str(run["why"])


def _trained(run: Json) -> str:
    data, decision = run["data"], run["decision"]["decision"]
    took = between(run["times"]["started"], run["times"]["trained"]) or 0.0
    return (
        f"trained on {data['rows']:,} rows in {took:.1f} s; on {decision['rows']} held-out rows ({decision['blocks']} "
        f"days) its RMSE is {decision['candidateValue']:.1f}, the champion's {decision['championValue']:.1f}"
    )


def _interval(run: Json) -> str:
    low, high = run["decision"]["decision"]["gainInterval"]
    return f"{run['decision']['decision']['gain']:+.1f} [{low:+.1f}, {high:+.1f}]"


def _promoted(run: Json, after: float) -> str:
    return f"a gain of {_interval(run)}: surely better, and live as version {run['version']} after {after:.1f} s"


def _refused(run: Json, after: float) -> str:
    return f"{_why_refused(run)}; refused after {after:.1f} s, the live model stays"


def _why_refused(run: Json) -> str:
    if "skill" in failed_rules(run):
        return (
            "what it learnt from this file predicts no better than always answering the average: the file itself is "
            "probably wrong, so its rows are kept out of later training too"
        )
    gain = run["decision"]["decision"]["gain"]
    doubt = "which may be chance" if gain > 0 else "so it seems worse, if anything"
    return f"a gain of {_interval(run)}, {doubt}: nothing shows that the new model is better"


def _quarantined(run: Json, after: float) -> str:
    return f"quarantined after {after:.1f} s, nothing was trained: {run['why']}"


def _duplicate(run: Json, after: float) -> str:
    return f"its content was used before, whatever the file is called; nothing was trained ({after:.1f} s)"


def _other(run: Json, after: float) -> str:
    return f"{run['state']} after {after:.1f} s: {run['why']}"


_ENDS: dict[str, Callable[[Json, float], str]] = {
    State.PROMOTED: _promoted,
    State.REFUSED: _refused,
    State.QUARANTINED: _quarantined,
    State.DUPLICATE: _duplicate,
}


def _short_refusal(run: Json) -> str:
    if "skill" in failed_rules(run):
        return "no better than guessing the average; the file is probably wrong"
    return f"not surely better: gain {_interval(run)}"


_REASONS: dict[str, Callable[[Json], str]] = {
    State.PROMOTED: lambda run: f"surely better: gain {_interval(run)}, version {run['version']}",
    State.REFUSED: _short_refusal,
    State.QUARANTINED: lambda run: f"not usable: {run['why']}",
    State.DUPLICATE: lambda run: "this content was used before",
}
