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
    """The rules that said no: intake's, or the gate's."""
    findings = _decision(run).get("findings", [])
    return [*run.get("refusedBy", ()), *(finding["rule"] for finding in findings if finding["verdict"] == "fail")]


def believed(run: Json) -> str:
    """What the gate said of the rows; empty when it was not asked."""
    return str(_decision(run).get("data", ""))


def _decision(run: Json) -> Json:
    found: Json = (run.get("decision") or {}).get("decision", {})
    return found


def told(run: Json, after: float) -> list[str]:
    """The run in a few sentences, a line each."""
    lines = [_trained(run)] if run.get("verdict") else []
    return [*lines, _ENDS.get(run["state"], _other)(run, after), *_data(run)]


def reason(run: Json) -> str:
    """Why it ended as it did, short enough for a table."""
    return _REASONS.get(run["state"], _plainly)(run)


def _plainly(run: Json) -> str:
    return str(run["why"])


def _trained(run: Json) -> str:
    data, decision = run["data"], _decision(run)
    took = between(run["times"]["started"], run["times"]["trained"]) or 0.0
    apart = ", of this file and of the one in doubt alone," if data.get("apart") else ""
    return (
        f"trained on {data['rows']:,} rows{apart} in {took:.1f} s; on {decision['rows']} held-out rows "
        f"({decision['blocks']} days) its RMSE is {decision['candidateValue']:.1f}, the champion's "
        f"{decision['championValue']:.1f}"
    )


def _interval(run: Json) -> str:
    low, high = _decision(run)["gainInterval"]
    return f"{_decision(run)['gain']:+.1f} [{low:+.1f}, {high:+.1f}]"


def _promoted(run: Json, after: float) -> str:
    return f"a gain of {_interval(run)}: {_better(run)}, and live as version {run['version']} after {after:.1f} s"


def _better(run: Json) -> str:
    """Fresh rows alone show it when their whole interval lies above 0; else it took the trusted ones as well."""
    return f"surely better{'' if _decision(run)['gainInterval'][0] > 0 else ' on fresh and trusted rows together'}"


def _refused(run: Json, after: float) -> str:
    return f"{_why_refused(run)}; refused after {after:.1f} s, the live model stays"


def _data(run: Json) -> list[str]:
    """What becomes of the rows, where that is not what always becomes of them."""
    if believed(run) == "doubted":
        return ["its rows are not believed either: nothing learns from them unless the next file says the same"]
    if believed(run) != "believed" or not run["data"].get("apart"):
        return []
    if _decision(run)["confirms"]:
        return ["it says what the file in doubt said: both are believed"]
    return ["it does not say what the file in doubt said: its own rows are believed, and those of that file stay out"]


def _why_refused(run: Json) -> str:
    failed = failed_rules(run)
    if "skill" in failed:
        return _unskilled(run, failed)
    if "gain" not in failed:
        return f"a gain of {_interval(run)}, and yet {run['why']}"
    return f"a gain of {_interval(run)}, {_worth(run)}: nothing shows that the new model is better"


def _unskilled(run: Json, failed: list[str]) -> str:
    """What nobody can learn anything from; the new model may well be the better one there."""
    naive = _decision(run)["gainInterval"][0] > 0
    seems = f"a gain of {_interval(run)}, with which a plain comparison would have promoted it; but " if naive else ""
    older = ", and rows held out of earlier files speak against it" if "trusted" in failed else ""
    rules = ", ".join(dict.fromkeys(failed))
    return f"{seems}it predicts no better than always answering the average{older} (rules {rules})"


def _worth(run: Json) -> str:
    """What a gain that is too small is worth."""
    if _decision(run)["gainInterval"][1] < 0:
        return "so it is surely worse"
    return "which may be chance" if _decision(run)["gain"] > 0 else "so it seems worse, if anything"


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
    failed = failed_rules(run)
    if "skill" in failed:
        return "no better than guessing the average; its rows are not believed"
    if "gain" not in failed:
        return f"doubtful ({failed[0]}): gain {_interval(run)}"
    return f"{'surely worse' if _decision(run)['gainInterval'][1] < 0 else 'not surely better'}: gain {_interval(run)}"


_REASONS: dict[str, Callable[[Json], str]] = {
    State.PROMOTED: lambda run: f"{_better(run)}: gain {_interval(run)}, version {run['version']}",
    State.REFUSED: _short_refusal,
    State.QUARANTINED: lambda run: f"not usable: {run['why']}",
    State.DUPLICATE: lambda run: "this content was used before",
}
