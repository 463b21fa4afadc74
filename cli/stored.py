"""Candidates of the past before another gate: from what runs keep of their judgement, without training or scoring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.api import Api, Json, segment
from cli.problems import Problem
from cli.render import emit, say, table
from cli.runs import MOST, newest

if TYPE_CHECKING:
    from retrain.gate import Decision, GateRules

TITLES = ("RUN", "WAS", "NOW", "", "MS", "WHY NOW")


@dataclass(frozen=True)
class Again:
    """A candidate that was judged again. `was` is the record of its decision; `took` is in seconds."""

    run: str
    was: Json
    now: Decision
    took: float

    @property
    def changed(self) -> bool:
        """The verdict is another one."""
        return bool(self.was["approved"]) != self.now.approved

    def json(self) -> Json:
        """For machines."""
        import msgspec

        return {
            "run": self.run,
            "changed": self.changed,
            "was": self.was,
            "now": msgspec.to_builtins(self.now),
            "milliseconds": round(self.took * 1000, 3),
        }


def judge_again(api: Api, model: str, gate: str | None, last: int, json: bool) -> None:
    """Judges the newest candidates of a model again, by the rules that `gate` lays over those that they were judged by.

    Raises:
        BadConfiguration: the rules have mistakes. Problem: no candidate of the model was judged.
    """
    found = list(_candidates(api, model, last, gate))
    if not found:
        raise Problem(f"{model} has no run whose candidate was judged and that keeps what it was judged by")
    if json:
        emit({"model": model, "candidates": [again.json() for again in found]})
        return
    table(TITLES, [_row(again) for again in found])
    took, changed = sum(again.took for again in found), sum(again.changed for again in found)
    say()
    say(f"{len(found)} candidates judged in {took * 1000:,.0f} ms; {changed or 'no'} verdicts differ", "bold")


def _candidates(api: Api, model: str, last: int, gate: str | None) -> Iterator[Again]:
    from retrain.gate.evidence import Evidence  # loads numpy
    from retrain.gate.judging import decide

    judged = [run for run in newest(api, model, MOST) if (run.get("verdict") or {}).get("evidence")]
    for run in judged[:last]:
        path = f"/api/runs/{segment(run['id'])}"
        record = api.get(path)["decision"]
        rules = _rules(model, record["gate"], gate)
        evidence = _read(run["id"], api.content(f"{path}/evidence"), Evidence.from_bytes)
        start = time.perf_counter()
        now = decide(rules, evidence.hearing, evidence.champion, evidence.candidate)
        yield Again(run["id"], record["decision"], now, time.perf_counter() - start)


def _read(run: str, content: bytes, reader: Any) -> Any:
    try:
        return reader(content)
    except ValueError as error:
        raise Problem(f"{run}: {error}; is this command as new as the app?") from error


def _rules(model: str, recorded: Json, text: str | None) -> GateRules:
    """The gate that a candidate was judged by, with the rules of the text laid over it. Raises BadConfiguration."""
    import msgspec

    from retrain.configuration import overlaid
    from retrain.gate import GateRules
    from retrain.model import Model
    from shared.wiring import ENDPOINTS, TRAINERS

    rules = msgspec.convert(recorded, GateRules)
    if text is None:
        return rules
    plain = Model(name=model.partition(":")[0], label="", trainer=None, endpoint=None, gate=rules)
    return overlaid(text, plain, trainers=TRAINERS, endpoints=ENDPOINTS).gate


def _row(again: Again) -> tuple[str, ...]:
    was, now = (("approved" if one else "refused") for one in (again.was["approved"], again.now.approved))
    return again.run, was, now, "differs" if again.changed else "", f"{again.took * 1000:.1f}", again.now.reason
