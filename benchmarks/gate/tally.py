"""From trials to the figures of the table: how often each fault got how far, and what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set

import msgspec
from scipy import stats

from benchmarks.gate.equal import RULES, Draws
from benchmarks.gate.informed import NAME as INFORMED
from benchmarks.gate.trials import OURS, POLICIES, Trial
from benchmarks.gate.worlds import Life
from retrain.gate import GateRules

LEVEL = (1 - GateRules(metric="auc").confidence) / 2
"""So many promotions of equal models the default confidence allows: those above one end of the interval."""

CONTROL = "nothing"
"""The fault that is none: what goes wrong after it is no fault's doing."""
Where = tuple[str, str, str, int]


class FaultRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A fault at one severity, over all streams, steps and learners.

    stopped (by intake), doubted, refused, promoted: what this gate made of the faulty batch, all trials. wrong: by
    policy, trials in which the promotion of the faulty batch's candidate did harm; later: in which that of the clean
    batch after it did, though it does none after a batch with nothing at fault. unknowable: those of this gate that it
    would do if told the truth, too. rightly: the naive rule's promotions of the faulty batch that did good; missed:
    those of them that this gate made neither then nor a step later.
    """

    group: str
    fault: str
    severity: str
    harmless: bool
    trials: int
    stopped: int
    doubted: int
    refused: int
    promoted: int
    wrong: dict[str, int]
    later: dict[str, int]
    unknowable: int
    rightly: int
    missed: int


def fault_rows(trials: Sequence[Trial]) -> list[FaultRow]:
    """A row for each fault and severity, in the order in which they were tried."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.fault, trial.severity), []).append(trial)
    anyway = {(_where(trial), name) for trial in trials if trial.fault == CONTROL for name in _later(trial)}
    return [_row(group, anyway) for group in groups.values()]


def _where(trial: Trial) -> Where:
    return trial.stream, trial.family, trial.train_on, trial.step


def _later(trial: Trial) -> Iterator[str]:
    """The policies that did harm with the clean batch after this one."""
    return (name for name in POLICIES if any(answer.wrong for answer in trial.answers[name][1:]))


def _row(trials: Sequence[Trial], anyway: Set[tuple[Where, str]]) -> FaultRow:
    first, ends = trials[0], [_end(trial) for trial in trials]
    rightly = [trial for trial in trials if trial.answers["higher is better"][0].right]
    wrong = {name: sum(trial.answers[name][0].wrong for trial in trials) for name in POLICIES}
    later = Counter(name for trial in trials for name in _later(trial) if (_where(trial), name) not in anyway)
    return FaultRow(
        group=first.group,
        fault=first.fault,
        severity=first.severity,
        harmless=first.harmless,
        trials=len(trials),
        stopped=ends.count("stopped"),
        doubted=ends.count("doubted"),
        refused=ends.count("refused"),
        promoted=ends.count("promoted"),
        wrong={**wrong, INFORMED: sum(trial.told for trial in trials)},
        later={name: later[name] for name in POLICIES},
        unknowable=sum(trial.unknowable for trial in trials),
        rightly=len(rightly),
        missed=sum(not any(answer.promoted for answer in trial.answers[OURS]) for trial in rightly),
    )


def _end(trial: Trial) -> str:
    """What this gate made of the faulty batch."""
    answer = trial.answers[OURS][0]
    if answer.promoted:
        return "promoted"
    if answer.outcome == "quarantined" or answer.rule == "duplicate":
        return "stopped"
    return "doubted" if answer.data == "doubted" else "refused"


def harmed(trial: Trial, policy: str) -> bool:
    """Whether a policy promoted a worse model because of the faulty batch, at once or a batch later."""
    return any(answer.wrong for answer in trial.answers[policy])


def total(rows: Iterable[FaultRow]) -> FaultRow:
    """All rows as one."""
    rows = list(rows)
    added = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("trials", "stopped", "doubted", "refused", "promoted", "unknowable", "rightly", "missed")
    }
    wrong, later = (_added([getattr(row, name) for row in rows]) for name in ("wrong", "later"))
    return FaultRow(group="", fault="all", severity="", harmless=False, wrong=wrong, later=later, **added)


def _added(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return {name: sum(count[name] for count in counts) for name in (counts[0] if counts else ())}


class Rate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How often something happened, with the exact binomial interval at 95 %."""

    count: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The part."""
        return self.count / self.of if self.of else 0.0


def rate(count: int, of: int) -> Rate:
    """A rate with its interval (Clopper and Pearson)."""
    if not of:
        return Rate(count=count, of=of, low=0.0, high=1.0)
    found = stats.binomtest(count, of).proportion_ci()
    return Rate(count=count, of=of, low=float(found.low), high=float(found.high))


def false_promotions(draws: Sequence[Draws]) -> dict[str, Rate]:
    """Promotions of equal models by each rule."""
    pairs = sum(draw.pairs for draw in draws)
    return {name: rate(sum(draw.promoted[name] for draw in draws), pairs) for name in RULES}


class WorldRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A policy in one scenario, on average over seeds and families. behind: AUC behind the oracle, ten batches after.

    furthest: the same in the worst of the worlds.
    """

    scenario: str
    policy: str
    worlds: int
    promoted: float
    harmful: float
    mean: float
    worst: float
    behind: float
    furthest: float


def world_rows(lives: Sequence[Life]) -> list[WorldRow]:
    """A row for each scenario and policy."""
    best = {(life.seed, life.family, life.scenario): life.later for life in lives if life.policy == "oracle"}
    groups: dict[tuple[str, str], list[Life]] = {}
    for life in lives:
        groups.setdefault((life.scenario, life.policy), []).append(life)
    return [_world(group, best) for group in groups.values()]


def _world(lives: Sequence[Life], best: dict[tuple[int, str, str], float]) -> WorldRow:
    behind = [best[life.seed, life.family, life.scenario] - life.later for life in lives]
    return WorldRow(
        scenario=lives[0].scenario,
        policy=lives[0].policy,
        worlds=len(lives),
        promoted=_mean([life.promoted for life in lives]),
        harmful=_mean([life.harmful for life in lives]),
        mean=_mean([life.mean for life in lives]),
        worst=min(life.worst for life in lives),
        behind=_mean(behind),
        furthest=max(behind),
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
