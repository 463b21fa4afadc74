"""The gate's decision for people: what was asked, what was found on each holdout, which rules decided, what follows."""

from __future__ import annotations

from typing import Any

from cli.render import figure, heading, say, table

Json = dict[str, Any]

WIDTH = 25  # characters of a drawn interval
KIND = {
    "fresh": "newest rows of this batch",
    "trusted": "held out of earlier batches",
    "doubted": "of the batch in doubt",
}
DATA = {
    "believed": "believed: later runs train on this batch and are judged by it too",
    "doubted": "in doubt: the batch is kept aside until the next one shows the same, or does not",
    "refused": "not believed: nothing is trained on this batch",
}
WAIT = (
    "Nothing need be done: the next batch shows whether this one was bad or the world has changed. "
    "If you know that it was bad, correct it and send it again."
)
FILE = "Look at the file: labels that moved, another unit, a column that means something else. Then send it again."
MORE = "Send more rows at a time, or hold out more of them: [models.NAME.holdout] in the configuration."
ADVICE = {
    "gain": "Nothing need be done: the live model is as good as this one, and the next batch is another chance.",
    "value": "The limit is [models.NAME.gate] min_value or max_value: better data, a better trainer, or another limit.",
    "skill": FILE,
    "labels": FILE,
    "disagreement": WAIT,
    "collapse": WAIT,
    "intake": WAIT,
    "trusted": "It forgets what earlier batches taught: train on more of them, or raise trusted_margin.",
    "slices": "It is worse for some of those you serve: train on more rows of theirs, or allow more (slice_margin).",
    "champion": "The live model cannot be asked about such rows, so only a person can put this one live: with --force.",
    "rows": MORE,
    "blocks": MORE,
    "reach": "Its predictions are far outside of all labels: look at its trainer.",
    "difference": "Look whether the staging endpoint really takes a model: retrain doctor NAME",
}
"""What to do when this is the first rule that failed."""
EXPLAINING = ("disagreement", "champion")  # rules that say most, whatever else failed
ORDER = {"fail": 0, "note": 1, "pass": 2}


def judged(run: Json) -> None:
    """The gate's decision about a run; nothing when there is none."""
    verdict = run.get("verdict")
    if not verdict:
        return
    record = run.get("decision") or {}
    decision = record.get("decision", {})
    heading("Gate: " + ("APPROVED" if verdict.get("approved") else "REFUSED"))
    if verdict["reason"] != run.get("why"):
        say(f"  {verdict['reason']}")
    say(f"  {_asked(decision, verdict)}")
    say()
    _figures(verdict, decision)
    _findings(decision.get("findings", []))
    if advice := _advice(run, verdict):
        say(f"  {advice}", "bold")
    _aftermath(verdict, record, decision)


def _asked(decision: Json, verdict: Json) -> str:
    share = decision.get("confidence")
    sure = f", with {share:.0%} confidence" if share else ""
    if decision.get("first"):
        return f"Asked: is it good enough to be the first model{sure}?"
    return (
        f"Asked: is it better than the champion (version {verdict.get('championVersion', '?')}) on rows that neither "
        f"was trained on{sure}?"
    )


def _figures(verdict: Json, decision: Json) -> None:
    """One line for each holdout: both models' figures, the gain, and its interval as a figure and a picture."""
    metric = verdict["metric"]
    measured = decision.get("holdouts") or [_of_verdict(verdict, decision)]
    ends = [abs(end) for one in measured for end in one.get("gainInterval") or ()]
    titles = ("HOLDOUT", "ROWS", f"CANDIDATE {metric}", f"CHAMPION {metric}", "SKILL", "GAIN", "INTERVAL", "")
    table(titles, [_line(one, max(ends, default=0.0)) for one in measured], indent=2)
    if any(one.get("candidateSkill") is not None for one in measured):
        say("  skill: 1 never errs, 0 is as good as a constant; gain: above 0 the candidate is better", "dim")


def _of_verdict(verdict: Json, decision: Json) -> Json:
    """What the run's row says, where there is no more."""
    low, high = verdict.get("low"), verdict.get("high")
    return {
        "holdout": decision.get("holdout", "fresh"),
        "rows": decision.get("rows"),
        "candidateValue": verdict.get("candidate"),
        "championValue": verdict.get("champion"),
        "gain": decision.get("gain"),
        "gainInterval": None if low is None or high is None else (low, high),
        **{name: decision.get(name) for name in ("blocks", "unit", "candidateSkill", "championSkill")},
    }


def _line(one: Json, reach: float) -> tuple[str, ...]:
    rows, blocks = one.get("rows"), one.get("blocks")
    many = f", {blocks:,} {one.get('unit') or 'block'}s" if blocks not in (None, rows) else ""
    skill = [figure(one.get(name)) for name in ("candidateSkill", "championSkill")]
    interval = one.get("gainInterval")
    return (
        one.get("holdout", ""),
        f"{rows:,}{many}" if rows else "-",
        figure(one.get("candidateValue")),
        figure(one.get("championValue")),
        " vs ".join(skill) if one.get("candidateSkill") is not None else "-",
        figure(one.get("gain")),
        f"{figure(interval[0])} to {figure(interval[1])}" if interval else "-",
        drawn(one.get("gain"), interval, reach),
    )


def drawn(gain: float | None, interval: Any, reach: float) -> str:
    """An interval as a line of text with `|` at 0 and `o` at the gain: `      |--o---`. Empty when there is none."""
    if gain is None or not interval or not reach:
        return ""
    half = WIDTH // 2

    def place(value: float) -> int:
        return half + round(max(-1.0, min(1.0, value / reach)) * half)

    marks = [" "] * WIDTH
    for column in range(place(interval[0]), place(interval[1]) + 1):
        marks[column] = "-"
    marks[half] = "|"
    marks[place(gain)] = "o"
    return "".join(marks).rstrip()


def _findings(findings: list[Json]) -> None:
    """What failed comes first: that is why."""
    if not findings:
        return
    say()
    ranked = sorted(findings, key=lambda found: ORDER.get(found["verdict"], 1))
    rows = [(found["verdict"].upper(), found["rule"], found.get("holdout") or "", found["message"]) for found in ranked]
    table(("", "", "", ""), rows, indent=2)


def _advice(run: Json, verdict: Json) -> str:
    """What a person can do about a refusal."""
    decision = (run.get("decision") or {}).get("decision", {})
    failed = [found["rule"] for found in decision.get("findings", []) if found["verdict"] == "fail"]
    if verdict.get("approved") or not failed:
        return ""
    failed.sort(key=lambda rule: rule not in EXPLAINING)
    return ADVICE.get(failed[0], "").replace("NAME", run["model"])


def _aftermath(verdict: Json, record: Json, decision: Json) -> None:
    lines = []
    if data := verdict.get("data"):
        lines.append(("data", DATA[data]))
    if verdict.get("confirms"):
        lines.append(
            ("", f"and so is the batch before, of {record.get('doubted') or 'the run before'}: the change lasts")
        )
    if decision.get("uses"):
        lines.append(("trusted", f"the trusted holdout was looked at for {decision['uses']:,} earlier decisions"))
    if review := record.get("review"):
        lines.append(("look back", f"version {review['champion']} against version {review['before']}: {review['why']}"))
    if lines:
        say()
        table(("", ""), lines, indent=2)
