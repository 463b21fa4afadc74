"""What the gate's policy builds upon: a bad batch, a world that changes, and a promotion that proves wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec

from local.backtest.gated import Gated
from local.backtest.policies import Ruling
from local.backtest.standing import Standing
from local.backtest.steps import Step
from local.backtest.workshop import Workshop
from retrain.data.quality.settings import RULES, IntakeRules
from tests.backtest.streams import Counting, batch, model, ridge, steps

SILENT = IntakeRules(severity=dict.fromkeys(RULES, "off"))
"""Intake lets everything through that can be read: what is left is the gate's."""


def through(
    played: Sequence[Step], train_on: str = "batch", **gate: object
) -> tuple[list[Ruling], list[Standing], Gated]:
    """Rulings, and what the policy knew after the first batch and after each ruling."""
    configured = msgspec.structs.replace(model(train_on, **gate), intake=SILENT)
    policy = Gated("this gate", Workshop(configured, ridge()))
    policy.begin(played[0])
    known, rulings = [policy._stands], []
    for step in played[1:]:
        rulings.append(policy.consider(step))
        known.append(policy._stands)
    return rulings, known, policy


def test_one_batch_with_inverted_labels_is_doubted_and_left_out_for_good() -> None:
    played = steps([2.0] * 5)
    played[2] = Step("inverted", batch(2, -2.0))
    rulings, known, _ = through(played)
    assert (rulings[1].outcome, rulings[1].data) == ("kept", "doubted")
    assert known[2].doubted is not None and known[2].doubted.name == "inverted"
    assert rulings[2].data == "believed" and not rulings[2].confirms
    assert known[3].doubted is None
    assert all(portion.part.blob != "inverted" for portion in known[-1].parts)
    assert all("inverted" not in segment.run for segment in known[-1].remembered.segments)


def test_a_change_that_lasts_is_believed_at_the_second_batch_and_trusted_rows_begin_anew() -> None:
    played = steps([2.0, 2.0, -2.0, -2.0, -2.0])
    rulings, known, _ = through(played)
    assert rulings[1].data == "doubted" and rulings[1].rule in ("disagreement", "collapse")
    confirmed = next(number for number, ruling in enumerate(rulings) if ruling.confirms)
    assert confirmed == 2 and rulings[2].promoted and rulings[2].data == "believed"
    after = known[confirmed + 1]
    assert (after.doubted, after.doubts, after.uses) == (None, 0, 0)
    assert [segment.run[:8] for segment in after.remembered.segments] == ["batch-02", "batch-03"]
    names = [portion.part.blob for portion in after.parts]
    assert names == ["batch-00.csv", "batch-01.csv", "batch-02.csv", "batch-03.csv"]


def test_a_world_that_turns_round_is_learnt_from_the_batches_that_show_it_alone() -> None:
    played = steps([2.0] * 6 + [-2.0] * 4)
    rulings, known, _ = through(played, "all")
    first = rulings[5]
    assert (first.data, first.promoted) == ("doubted", False), (
        "five batches of another world drown the first of the new"
    )
    assert first.decision is not None and first.decision.unlearnt and known[6].apart
    assert rulings[6].confirms and rulings[6].promoted
    assert [portion.part.blob for portion in known[7].parts] == ["batch-06.csv", "batch-07.csv"]
    assert rulings[7].data == "believed" and not known[8].apart


def test_nonsense_that_nobody_learns_costs_one_candidate_and_joins_nothing() -> None:
    played = steps([2.0] * 5)
    random = Random(5)
    header, *rows = played[3].content.decode().splitlines()
    labels = [row.rsplit(",", 1)[1] for row in rows]
    random.shuffle(labels)
    shuffled = "\n".join([header, *(f"{row.rsplit(',', 1)[0]},{y}" for row, y in zip(rows, labels, strict=True))])
    rulings, known, _ = through([*played[:3], replace(played[3], content=f"{shuffled}\n".encode()), played[4]])
    assert not rulings[2].promoted and rulings[2].data in ("doubted", "refused", "quarantined")
    assert rulings[3].data == "believed" and not rulings[3].confirms
    assert [portion.part.blob for portion in known[-1].parts] == [f"batch-0{n}.csv" for n in (0, 1, 2, 4)]


def test_trusted_rows_are_those_of_accepted_batches_and_older_ones_fade() -> None:
    rulings, known, _ = through(steps([2.0] * 7))
    assert {ruling.data for ruling in rulings} == {"believed"}
    for number, one in enumerate(known):
        rows = [segment.rows for segment in one.remembered.segments]
        assert len(rows) == number + 1 and rows == sorted(rows) and rows[-1] == 180
    assert [one.uses for one in known] == list(range(7))
    assert [len(one.remembered.baseline.batches) for one in known] == list(range(1, 8))


def test_no_candidate_is_trained_on_a_trusted_row() -> None:
    learner = Counting(ridge())
    policy = Gated("this gate", Workshop(model(), learner))
    played = steps([2.0] * 4)
    policy.begin(played[0])
    for step in played[1:]:
        trusted = set(policy._stands.remembered.trusted.splitlines()[1:])
        policy.consider(step)
        trained = set(learner.given[-1].splitlines()[1:])
        assert trusted and trained and not trained & trusted


def test_a_batch_that_intake_refuses_is_neither_trained_on_nor_a_reason_to_move() -> None:
    learner = Counting(ridge())
    policy = Gated("this gate", Workshop(model(), learner))
    first, second, third = steps([2.0] * 3)
    policy.begin(first)
    policy.consider(second)
    before, fits = policy._stands, len(learner.given)
    lines = third.content.decode().splitlines()
    metres = [
        ",".join([day, str(1000 * float(cold)), *rest]) for day, cold, *rest in (row.split(",") for row in lines[1:])
    ]
    ruling = policy.consider(Step("metres", "\n".join([lines[0], *metres, ""]).encode()))
    assert (ruling.outcome, ruling.rule, ruling.data) == ("quarantined", "unit", "refused")
    assert "cold" in ruling.reason and ruling.candidate is None
    assert policy._stands is before and len(learner.given) == fits


def test_what_intake_doubts_is_kept_aside_though_the_gate_finds_nothing_wrong() -> None:
    policy = Gated("this gate", Workshop(model("batch", min_rows=20), ridge()))
    policy.begin(steps([2.0])[0])
    ruling = policy.consider(Step("few", batch(1, per=4)))
    assert (ruling.outcome, ruling.data) == ("kept", "doubted")
    assert any(finding.rule == "intake" for finding in (ruling.decision.findings if ruling.decision else ()))
    doubted = policy._stands.doubted
    assert doubted is not None and doubted.name == "few"
    assert len(policy._stands.parts) == 1


def test_a_promotion_that_proves_wrong_on_the_next_batch_is_taken_back() -> None:
    policy = Gated("this gate", Workshop(model(confidence=0.6), ridge()))
    played = steps([2.0, 2.0, 2.0])
    policy.begin(played[0])
    first = policy.live
    stands = policy._stands
    bad = policy._workshop.learner.fit(batch(50, 1.0))
    policy._standing = Standing(bad, stands.parts, stands.columns, stands.classes, stands.remembered, before=first)
    harmless = policy.fork()
    ruling = policy.consider(Step("tiny", batch(1, 2.0)))
    assert ruling.champion is bad
    assert ruling.promoted or (ruling.rolled_back.startswith("worse: ") and policy.live is first)
    strict = Gated("strict", policy._workshop, model(min_gain=1000.0))
    strict._standing = harmless._standing
    back = strict.consider(Step("tiny", batch(1, 2.0)))
    assert not back.promoted and back.rolled_back.startswith("worse: on fresh rows the champion's RMSE is")
    assert strict.live is first and strict._stands.before is None


def test_a_promotion_that_proves_right_is_compared_once() -> None:
    played = [Step("few", batch(0, days=8, per=3, noise=20.0)), *steps([2.0] * 4)[1:]]
    rulings, known, _ = through(played)
    promoted = next(number for number, ruling in enumerate(rulings) if ruling.promoted)
    assert known[promoted + 1].before is rulings[promoted].champion
    after = rulings[promoted + 1]
    assert after.data == "believed" and not after.rolled_back and not after.promoted
    assert known[promoted + 2].before is None


def test_a_champion_that_cannot_be_scored_refuses_with_that_reason_and_believes_nothing() -> None:
    workshop = Workshop(model(), ridge())
    policy = Gated("this gate", workshop)
    first, second = steps([2.0, 2.0])
    policy.begin(first)
    other = workshop.learner.fit(batch(9).replace(b"cold", b"chill"))
    stands = policy._stands
    policy._standing = Standing(other, stands.parts, stands.columns, stands.classes, stands.remembered)
    ruling = policy.consider(second)
    assert (ruling.outcome, ruling.rule, ruling.data) == ("kept", "champion", "refused")
    assert "chill" in ruling.reason
    assert policy._stands.parts == stands.parts


def test_the_same_content_again_is_a_duplicate_even_when_it_was_refused_by_the_gate() -> None:
    workshop = Workshop(model(), ridge())
    policy = Gated("this gate", workshop)
    first, second, third = steps([2.0] * 3)
    policy.begin(first)
    policy.consider(second)
    before = policy._stands
    for known in (first, second):
        ruling = policy.consider(Step("again", known.content))
        assert (ruling.outcome, ruling.rule, ruling.data) == ("kept", "duplicate", "refused")
        assert known.name in ruling.reason
    assert policy._stands is before
    assert policy.consider(third).rule != "duplicate"


def test_a_column_of_another_name_is_refused_by_the_rule_that_knows_it() -> None:
    policy = Gated("this gate", Workshop(model(), ridge()))
    first, second = steps([2.0] * 2)
    policy.begin(first)
    ruling = policy.consider(Step("renamed", second.content.replace(b"cold", b"chill", 1)))
    assert ruling.outcome == "quarantined"
    assert ruling.rule == "renamed_column" and "chill" in ruling.reason
