"""One run for people: what became of it and why, so that a stranger understands a refusal within a minute."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from cli.render import colour_of, facts, figure, heading, say, size, table
from cli.times import age, between, clock, clock_now, duration
from cli.verdict import judged
from retrain.quarantine import may_be_released

Json = dict[str, Any]

MOMENTS = (
    ("landed", "the data was there"),
    ("seen", "Retrain saw it"),
    ("started", "the training job started"),
    ("trained", "the new model was there"),
    ("decided", "the gate decided"),
    ("live", "the new model served users"),
)
NEXT = {
    "refused": "The live model stays. To put this one live all the same: retrain promote {id} --force --reason TEXT",
    "awaitingApproval": "It waits for a person: retrain approve {id}, or retrain reject {id} --reason TEXT",
    "parked": "Mend what it says above, then let it go on: retrain replay {id}",
    "failed": "To try again as a new run on the same data: retrain replay {id}",
    "quarantined": "Correct the file and send it again: retrain submit FILE --model {model}",
    "duplicate": "To train on the same content again: retrain submit FILE --model {model} --again 1",
    "unverified": "The model before it was put back. To try again as a new run: retrain replay {id}",
    "expired": "Nobody answered in time. To put it live all the same: retrain promote {id} --force --reason TEXT",
    "promoted": "To take it back: retrain rollback {model}",
}
RELEASE = ", or take it as it is: retrain release {id} --reason TEXT"
UNDER_WAY = "It is under way: retrain watch {id}"
ENDED_QUIETLY = frozenset({"unchanged", "rejected", "superseded", "cancelled"})


def show(run: Json) -> None:
    """Prints a run as `GET /api/runs/{run}` gives it."""
    _head(run)
    _data(run)
    _times(run)
    _job(run)
    judged(run)
    _history(run)
    say()
    if hint := next_step(run):
        say(hint, "bold")
    say(run["links"]["self"], "dim")


def next_step(run: Json) -> str:
    """What a person can do about the run now; empty when there is nothing."""
    state = run["state"]
    hint = "" if state in ENDED_QUIETLY else NEXT.get(state, UNDER_WAY)
    hint += RELEASE if state == "quarantined" and may_be_released(run.get("refusedBy", ())) else ""
    return hint.format(id=run["id"], model=run["model"])


def who(actor: Json | None) -> str:
    """Who did something: `ana (person)`, `blob`."""
    if not actor:
        return "-"
    kind, name = actor.get("kind", "-"), actor.get("id", "")
    checked = ", verified" if actor.get("verified") else ""
    return f"{name} ({kind}{checked})" if name else f"{kind}{checked}"


def metric_cell(run: Json) -> str:
    """Candidate against champion: `auc 0.91 vs 0.89`."""
    verdict = run.get("verdict")
    if not verdict:
        return "-"
    return f"{verdict['metric']} {figure(verdict.get('candidate'))} vs {figure(verdict.get('champion'))}"


def _head(run: Json) -> None:
    say(f"{run['id']} {run['state']}", f"bold {colour_of(run['state'])}")
    if run.get("why"):
        say(run["why"])
    say()
    again = run.get("again")
    facts(
        {
            "model": f"{run['model']} (configuration {run.get('config', '-')})",
            "asked by": f"{who(run.get('actor'))}, {age(run.get('created'))}, {clock(run.get('created'))}",
            "reason": run.get("reason", ""),
            "parameters": ", ".join(f"{name}={value}" for name, value in run.get("parameters", {}).items()),
            "again": str(again) if again else "",
            "approved by": who(run["approver"]) if run.get("approver") else "",
            "live as": f"version {run['version']}" if "version" in run else "",
            "linked": run.get("link", ""),
            "stopped in": run.get("parkedFrom", ""),
            "next look": _next_look(run),
        }
    )


def _next_look(run: Json) -> str:
    if not run.get("due") or next_step(run) != UNDER_WAY.format(id=run["id"]):
        return ""
    wait = between(clock_now(), run["due"]) or 0.0
    tries = f", try {run['tries']}" if run.get("tries") else ""
    return (f"in {duration(wait)}" if wait > 0 else "now") + tries


def _data(run: Json) -> None:
    landings, data = run.get("landings", []), run.get("data")
    if not landings and not data:
        return
    heading("Data")
    for landed in landings:
        say(f"  {landed['blob']}  ({size(landed.get('size', 0))}, landed {age(landed['modified'])})")
    if data:
        rows = f"{data.get('rows', 0):,} to train on, {data.get('holdoutRows', 0):,} held out to judge with"
        facts({"rows": rows, "classes": ", ".join(data.get("classes", [])), "manifest": data["manifest"]})


def _times(run: Json) -> None:
    known = [(name, run["times"][name]) for name, _ in MOMENTS if run.get("times", {}).get(name)]
    if not known:
        return
    heading("Times")
    meaning = dict(MOMENTS)
    steps = {later[0]: "+" + duration(between(earlier[1], later[1])) for earlier, later in pairwise(known)}
    table(
        ("", "", "", ""),
        [(name, steps.get(name, age(at)), clock(at), meaning[name]) for name, at in known],
        indent=2,
    )
    if len(known) > 1:
        say(f"  {known[0][0]} to {known[-1][0]}: {duration(between(known[0][1], known[-1][1]))}")


def _job(run: Json) -> None:
    job, model = run.get("job"), run.get("candidate")
    if not job and not model:
        return
    heading("Training")
    own = ", ".join(f"{name} {figure(value)}" for name, value in run.get("metrics", {}).items())
    attempt = f", attempt {run['attempt']}" if run.get("attempt", 1) > 1 else ""
    facts(
        {
            "job": f"{job.get('id') or 'no id yet'} ({job['phase']}{attempt})" if job else "",
            "its own figures": f"{own} (for the record; the gate measures for itself)" if own else "",
            "model": f"{model['blob']} ({size(model.get('size', 0))})" if model else "",
            "sha256": model["sha256"] if model else "",
        }
    )


def _history(run: Json) -> None:
    moves = run.get("moves", [])
    if not moves:
        return
    heading("History")
    table(("", "", "", ""), [move_row(move, moves[0]) for move in moves], indent=2)


def move_row(move: Json, first: Json) -> tuple[str, str, str, str]:
    """One line of history: when since the first, to which state, by whom, why."""
    return "+" + duration(between(first["at"], move["at"])), move["to"], who(move.get("actor")), move.get("why", "")
