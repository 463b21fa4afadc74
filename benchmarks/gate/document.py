"""The lab's figures as Markdown, and where they stand in docs/gate.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.document import put
from benchmarks.gate.clean import Course, Kept
from benchmarks.gate.informed import NAME as INFORMED
from benchmarks.gate.result import Result
from benchmarks.gate.tally import LEVEL, FaultRow, Rate, total
from benchmarks.gate.trials import OURS

PAGE = Path(__file__).parents[2] / "docs" / "gate.md"
BEGIN, END = "<!-- lab: written by python -m benchmarks.gate -->", "<!-- end of lab -->"
SHOWN = ("never retrain", "always newest", "higher is better", "interval only", OURS, "oracle")
RULES = ("always newest", "higher is better", "interval only", INFORMED, OURS)


def update(result: Result, page: Path = PAGE) -> None:
    """Writes the figures between the page's two marks. Raises ValueError when a mark is missing."""
    put(page, BEGIN, END, figures(result))


def figures(result: Result) -> str:
    """The figures as Markdown."""
    parts = (_head, _sums, _equal, _kept, _clean, _worlds, _faults)
    return "\n\n".join("\n".join(part(result)) for part in parts) + "\n"


def _head(result: Result) -> Iterator[str]:
    halves = {"tune": "the half on which defaults were chosen", "report": "the half on which nothing was chosen"}
    yield f"`{result.command}`, {result.at[:10]}, {result.took:.0f} s on {result.jobs} of {result.cores} cores."
    yield (
        f"These are the streams of {halves[result.half]} (`{result.half}`): {', '.join(result.streams)}; "
        f"made-up worlds with the seeds {', '.join(map(str, result.worlds))}; seed of the faults {result.seed}."
    )


def _sums(result: Result) -> Iterator[str]:
    rows = [row for row in result.faults if not row.harmless]
    whole, harmless = total(rows), total(row for row in result.faults if row.harmless)
    kinds = len({row.fault for row in rows})
    yield f"**Faulty batches**: {whole.trials:,} trials of {kinds} faults at {len(rows)} severities."
    yield ""
    yield "| | " + " | ".join(RULES) + " |"
    yield "|---|" + "---|" * len(RULES)
    yield "| wrong promotions | " + " | ".join(_of(whole.wrong[name], whole.trials) for name in RULES) + " |"
    after = (_of(whole.later[name], whole.trials) if name in whole.later else "" for name in RULES)
    yield f"| of the clean batch after, by the fault's doing | {' | '.join(after)} |"
    if harmless.trials:
        cells = (_of(harmless.wrong[name], harmless.trials) for name in RULES)
        yield f"| wrong after a harmless change ({harmless.trials}) | {' | '.join(cells)} |"
    yield ""
    yield (
        f"Of the {whole.trials:,} faulty batches, this gate stopped {whole.stopped:,} at intake, doubted "
        f"{whole.doubted:,}, refused {whole.refused:,} candidates and promoted {whole.promoted:,}. "
        f"In {whole.rightly:,} of them `higher is better` promoted a model that was better all the same; "
        f"this gate missed {whole.missed:,} of those, then and a batch later. "
        f"Of this gate's wrong promotions, {whole.unknowable} were unknowable: told the truth, it makes them too."
    )


def _of(count: int, all_: int) -> str:
    return f"{count:,} ({count / all_:.1%})" if all_ else "0"


def _equal(result: Result) -> Iterator[str]:
    pairs = sum(draw.pairs for draw in result.equal)
    yield (
        f"**Equal models**: {pairs} pairs of champion and candidate that share the answers of two trained models by "
        "day or row, so that neither is better in the long run. "
        f"The default confidence allows {LEVEL:.1%} of promotions."
    )
    yield ""
    yield "| | promoted | share | binomial interval |"
    yield "|---|---|---|---|"
    for name, found in result.false_promotions.items():
        yield f"| {name} | {found.count} | {found.share:.1%} | {_interval(found)} |"


def _interval(found: Rate) -> str:
    return f"{found.low:.1%} to {found.high:.1%}"


def _kept(result: Result) -> Iterator[str]:
    batch = [kept for kept in result.kept if kept.train_on == "batch"]
    more = [kept for kept in result.kept if kept.train_on != "batch"]
    yield _made("trained on all believed batches or the last of them", more)
    yield ""
    yield _made("trained on the batch alone", batch)
    yield ""
    yield "| stream | learner | `train_on` | rightly | made | as good | missed |"
    yield "|---|---|---|---|---|---|---|"
    for kept in result.kept:
        rest = kept.rightly - kept.made - kept.as_good
        counts = f"{kept.rightly} | {kept.made} | {kept.as_good} | {rest}"
        yield f"| {kept.stream} | {kept.family} | {kept.train_on} | {counts} |"


def _made(words: str, group: Sequence[Kept]) -> str:
    rightly, made, good = (sum(getattr(kept, name) for kept in group) for name in ("rightly", "made", "as_good"))
    return (
        f"**Clean streams**, {words}: of {rightly} promotions that `higher is better` rightly made, this gate made "
        f"{made} ({made / max(rightly, 1):.0%}) then or a batch later. After {good} of the others its live model was "
        "no worse than that of `higher is better`, by one standard error on the batch after."
    )


def _clean(result: Result) -> Iterator[str]:
    yield (
        "The live model's figure on the next batch, on average over the steps, and in brackets how much worse than the "
        "oracle's that is. The oracle takes the better of champion and candidate by hindsight, step by step."
    )
    yield ""
    yield "| stream | learner | `train_on` | metric | " + " | ".join(SHOWN) + " | wrong / right |"
    yield "|---|---|---|---|" + "---|" * (len(SHOWN) + 1)
    for _, group in groupby(result.courses, key=_which):
        yield _line(list(group))


def _which(course: Course | Kept) -> tuple[str, str, str]:
    return course.stream, course.family, course.train_on


def _line(courses: Sequence[Course]) -> str:
    known = {course.policy: course for course in courses}
    first = courses[0]
    cells = [_value(known[name]) for name in SHOWN]
    counts = f"{known[OURS].wrong} / {known[OURS].right}"
    return f"| {' | '.join([*_which(first), first.metric, *cells, counts])} |"


def _value(course: Course) -> str:
    shown = f"{course.value:.4f}" if course.value < 1 else f"{course.value:,.1f}"
    return shown if course.policy == "oracle" else f"{shown} ({course.regret:+.1%})"


def _worlds(result: Result) -> Iterator[str]:
    yield (
        "**Made-up worlds**, 60 batches each: promotions, those that cost more than 0.002 of true AUC, the true AUC "
        "of the live model on average and at its worst, and how far it is behind the oracle ten batches after the "
        "change (in the middle where nothing changes), on average and in the worst world."
    )
    yield ""
    yield "| scenario | policy | worlds | promoted | harmful | mean AUC | worst AUC | behind the oracle | furthest |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in result.world_rows:
        yield (
            f"| {row.scenario} | {row.policy} | {row.worlds} | {row.promoted:.1f} | {row.harmful:.1f} | "
            f"{row.mean:.4f} | {row.worst:.4f} | {row.behind:+.4f} | {row.furthest:+.4f} |"
        )


def _faults(result: Result) -> Iterator[str]:
    yield (
        "**Fault by fault**. What this gate made of the faulty batch (stopped at intake, in doubt, refused, promoted), "
        "and every rule's wrong promotions of it. The last column: promotions of "
        "`higher is better` that were right, and how many of them this gate missed."
    )
    yield ""
    yield (
        "| fault | severity | trials | stopped | in doubt | refused | promoted | "
        + " | ".join((*RULES, "right / missed"))
        + " |"
    )
    yield "|---|---|" + "---|" * (len(RULES) + 6)
    for row in result.faults:
        yield _fault(row)


def _fault(row: FaultRow) -> str:
    name = f"{row.fault} (harmless)" if row.harmless else row.fault
    counts = (row.trials, row.stopped, row.doubted, row.refused, row.promoted, *(row.wrong[rule] for rule in RULES))
    return f"| {name} | {row.severity} | {' | '.join(map(str, counts))} | {row.rightly} / {row.missed} |"
