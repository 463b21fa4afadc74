"""What each policy does with a batch, and what a replay says of it afterwards."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from local.backtest.gated import Gated
from local.backtest.hindsight import Future, standard_error
from local.backtest.policies import Ruling, always_newest, higher_is_better, interval_only, never_retrain
from local.backtest.replay import Course, Replay, play
from local.backtest.report import report
from local.backtest.steps import CannotPlay, Step
from local.backtest.workshop import Paired, Workshop
from retrain.gate.metrics import METRICS
from retrain.gate.statistics import compare
from tests.backtest.streams import Counting, batch, broken, model, ridge, steps

STEADY = [2.0] * 6
DRIFTING = [2.0, 2.2, 2.4, 2.6, 2.8, 3.0]


def course(replay: Replay, policy: str) -> Course:
    return next(found for found in replay.courses if found.policy == policy)


def rulings(replay: Replay, policy: str) -> list[Ruling]:
    return [record.ruling for record in course(replay, policy).records]


@pytest.fixture(scope="module")
def drifting() -> Replay:
    return play(steps(DRIFTING), model(), ridge())


def test_never_retrain_keeps_the_first_champion(drifting: Replay) -> None:
    found = rulings(drifting, "never retrain")
    assert {ruling.outcome for ruling in found} == {"kept"}
    assert len({ruling.champion.sha256 for ruling in found}) == 1
    assert all(ruling.candidate is None for ruling in found)


def test_always_newest_puts_every_candidate_live(drifting: Replay) -> None:
    found = rulings(drifting, "always newest")
    assert [ruling.outcome for ruling in found] == ["promoted"] * 5
    assert [ruling.champion for ruling in found[1:]] == [ruling.candidate for ruling in found[:-1]]


def test_higher_is_better_promotes_exactly_when_the_figure_on_the_own_holdout_is_better() -> None:
    workshop, metric = Workshop(model(), ridge()), METRICS["rmse"]
    policy = higher_is_better(workshop)
    first, *others = steps([2.0, 2.0, 2.1, 1.9, 2.0])
    policy.begin(first)
    for step in others:
        ruling = policy.consider(step)
        held = holdout(step)
        figures = [
            error(fitted.predict(*held[:2]), held[2]) for fitted in (ruling.candidate, ruling.champion) if fitted
        ]
        assert ruling.promoted == (figures[0] < figures[1]) and metric.facts.name == "rmse"


def holdout(step: Step) -> tuple[list[str], list[list[str]], np.ndarray]:
    """The newest six of twenty days, as 30 % is the default."""
    header, *rows = csv.reader(io.StringIO(step.content.decode()))
    days = sorted({row[0] for row in rows})[-6:]
    newest = [row for row in rows if row[0] in days]
    return header[:-1], [row[:-1] for row in newest], np.array([float(row[-1]) for row in newest])


def error(predicted: np.ndarray, labels: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - labels) ** 2)))


def test_interval_only_promotes_exactly_when_the_whole_interval_is_above_nothing() -> None:
    workshop = Workshop(model(), ridge())
    policy = interval_only(workshop)
    first, *others = steps([2.0, 2.0, 2.2, 2.2, 2.2])
    policy.begin(first)
    seen = set()
    for step in others:
        ruling = policy.consider(step)
        columns, rows, labels = holdout(step)
        assert ruling.candidate is not None
        days = np.repeat(np.arange(6), 30)
        scores = [fitted.predict(columns, rows) for fitted in (ruling.candidate, ruling.champion)]
        found = compare(METRICS["rmse"], labels, *scores, days)
        assert ruling.promoted == (found.gain.low > 0)
        seen.add(ruling.promoted)
    assert seen == {True, False}


def test_the_gate_follows_a_drift_that_never_retrain_suffers_from(drifting: Replay) -> None:
    gate, never = course(drifting, "this gate"), course(drifting, "never retrain")
    assert gate.count("promoted") >= 3 and gate.wrong == 0
    assert gate.mean is not None and never.mean is not None
    assert gate.mean < never.mean


def test_no_policy_loses_less_than_the_oracle_where_all_have_the_same_candidates(drifting: Replay) -> None:
    assert drifting.oracle.wrong == 0
    assert drifting.regret(drifting.oracle) == 0
    newest = drifting.regret(course(drifting, "always newest"))
    assert newest is not None and newest >= 0


def test_a_file_that_cannot_be_read_crashes_naive_policies_and_goes_to_quarantine_with_a_reason() -> None:
    played = steps(STEADY)
    played[2] = Step(played[2].name, broken(2))
    replay = play(played, model(), ridge())
    for name in ("always newest", "higher is better", "interval only"):
        assert rulings(replay, name)[1].outcome == "crashed"
        assert rulings(replay, name)[2].outcome in ("promoted", "kept")
    refused = rulings(replay, "this gate")[1]
    assert (refused.outcome, refused.data) == ("quarantined", "refused")
    assert "line 201" in refused.reason


def test_a_crash_changes_nothing_for_the_policy() -> None:
    policy = always_newest(Workshop(model(), ridge()))
    policy.begin(Step("first", batch(0)))
    before = policy.live
    assert policy.consider(Step("bad", broken(1))).outcome == "crashed"
    assert policy.live is before


def test_rows_of_refused_data_are_never_trained_on_later() -> None:
    played = steps(STEADY)
    bad = Step(played[2].name, batch(2, shuffled=True))
    with_bad = play([*played[:2], bad, *played[3:]], model(), ridge())
    without = play([*played[:2], *played[3:]], model(), ridge())
    shuffled = rulings(with_bad, "this gate")[1]
    assert not shuffled.promoted and shuffled.data == "refused"
    after = [ruling.candidate.sha256 for ruling in rulings(with_bad, "this gate")[2:] if ruling.candidate]
    assert after == [ruling.candidate.sha256 for ruling in rulings(without, "this gate")[1:] if ruling.candidate]
    assert len(after) == 3


def test_trying_a_batch_on_a_fork_changes_nothing_for_the_policy_it_came_from() -> None:
    workshop = Workshop(model(), ridge())
    for policy in (always_newest(workshop), never_retrain(workshop), Gated("this gate", workshop)):
        first, second, third = steps([2.0, 3.0, 3.0])
        policy.begin(first)
        before = policy.live
        branch = policy.fork()
        branch.consider(Step("another", batch(1, 9.0)))
        assert policy.live is before
        assert plain(policy.consider(second)) == plain(fresh(policy.name, workshop, first).consider(second))
        assert branch.consider(third).step == third.name


def fresh(name: str, workshop: Workshop, first: Step) -> Gated | object:
    made = {"always newest": always_newest, "never retrain": never_retrain}
    policy = made[name](workshop) if name in made else Gated(name, workshop)
    policy.begin(first)
    return policy


def plain(ruling: object) -> tuple[object, ...]:
    assert isinstance(ruling, Ruling)
    return ruling.outcome, ruling.reason, ruling.data, ruling.champion.sha256


def test_what_several_policies_train_alike_is_trained_once() -> None:
    learner = Counting(ridge())
    replay = play(steps(DRIFTING), model(), learner, other=model(confidence=0.9))
    asked = sum(
        ruling.candidate is not None for found in replay.courses for ruling in (r.ruling for r in found.records)
    )
    assert len(learner.given) == len(set(learner.given))
    assert len(learner.given) < asked / 2


def test_holdout_rows_are_never_trained_on() -> None:
    learner = Counting(ridge())
    workshop = Workshop(model(), learner)
    policy = always_newest(workshop)
    first, *others = steps(STEADY)
    policy.begin(first)
    for step in others:
        policy.consider(step)
        _, rows, labels = holdout(step)
        trained = set(learner.given[-1].decode().splitlines())
        assert not trained & {",".join([*row, f"{label:.3f}"]) for row, label in zip(rows, labels, strict=True)}


def test_the_same_history_gives_the_same_report() -> None:
    once, again = (report(play(steps(DRIFTING), model(), ridge())) for _ in range(2))
    assert once == again


def test_clean_rows_judge_where_they_are_given() -> None:
    played = steps([2.0, 2.0, 2.0])
    clean = Step(played[2].name, batch(2, shuffled=True), truth=batch(2))
    workshop = Workshop(model(), ridge())
    future = Future([*played[:2], clean], workshop)
    policy = always_newest(workshop)
    policy.begin(played[0])
    ruling = policy.consider(played[1])
    header, *rows = csv.reader(io.StringIO(batch(2).decode()))
    labels = np.array([float(row[-1]) for row in rows])
    expected = error(policy.live.predict(header[:-1], [row[:-1] for row in rows]), labels)
    assert future.value(policy.live, played[1].name) == pytest.approx(expected, rel=1e-12)
    seen = future.compare(ruling.candidate, ruling.champion, played[1].name)
    assert seen is not None and seen.candidate == pytest.approx(expected, rel=1e-12)


def test_the_batch_after_a_broken_one_judges_in_its_place() -> None:
    played = steps(STEADY)
    played[2] = Step(played[2].name, broken(2))
    future = Future(played, Workshop(model(), ridge()))
    assert future.after(played[1].name) is future.after(played[2].name)
    assert future.after(played[-1].name) is None


def test_a_live_model_that_cannot_read_the_next_batch_counts_as_a_constant() -> None:
    workshop = Workshop(model(), ridge())
    renamed = Step("renamed", batch(1).replace(b"cold", b"chill"))
    first, last = steps([2.0])[0], Step("last", batch(2))
    policy = always_newest(workshop)
    policy.begin(renamed)
    future = Future([first, last], workshop)
    sheet = future.after(first.name)
    assert sheet is not None
    assert future.value(policy.live, first.name) == pytest.approx(float(np.std(sheet.holdout.labels)))


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_standard_error_of_a_gain_is_that_of_independent_draws(name: str) -> None:
    metric, chance = METRICS[name], np.random.default_rng(1)

    def drawn(rows: int) -> Paired:
        truth = chance.uniform(0.05, 0.95, rows)
        labels = (chance.uniform(size=rows) < truth).astype(float)
        one, other = (np.clip(truth + chance.normal(0, spread, rows), 0.01, 0.99) for spread in (0.1, 0.3))
        return Paired(labels, one, other, np.arange(rows))

    gains = [
        float(metric.gain(metric.compute(pair.labels, pair.candidate), metric.compute(pair.labels, pair.champion)))
        for pair in (drawn(400) for _ in range(400))
    ]
    assert standard_error(metric, drawn(400)) == pytest.approx(np.std(gains), rel=0.3)


def test_models_that_answer_alike_differ_by_nothing() -> None:
    labels = np.arange(10.0)
    assert standard_error(METRICS["rmse"], Paired(labels, labels + 1, labels + 1, np.arange(10))) == 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_batches_are_refused_with_what_is_needed(count: int) -> None:
    with pytest.raises(CannotPlay, match=rf"{count} batch.*at least 3"):
        play(steps(STEADY[:count]), model(), ridge())


def test_a_first_batch_that_makes_no_champion_is_named() -> None:
    with pytest.raises(CannotPlay, match=r"batch-00\.csv: no first champion .*not 4"):
        play([Step("batch-00.csv", broken(0)), *steps(STEADY)[1:]], model(), ridge())


def test_several_first_files_make_the_champion_together() -> None:
    replay = play(steps(STEADY), model(), ridge(), first=3)
    assert replay.steps == ("batch-00.csv and 2 more", "batch-03.csv", "batch-04.csv", "batch-05.csv")
