"""What the gate's policy builds upon: a bad batch, a world that changes, and a promotion that proves wrong."""

from __future__ import annotations

from collections.abc import Sequence

from local.backtest.gated import Gated
from local.backtest.policies import Ruling
from local.backtest.standing import TRUSTED, Standing
from local.backtest.steps import Step
from local.backtest.workshop import Workshop
from tests.backtest.streams import Counting, batch, model, ridge, steps


def through(played: Sequence[Step], **gate: object) -> tuple[list[Ruling], list[Standing], Gated]:
    """Rulings, and what the policy knew after the first batch and after each ruling."""
    policy = Gated("this gate", Workshop(model("batch", **gate), ridge()))
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
    assert all(sheet.content != b"inverted" for sheet in known[-1].trusted)


def test_a_change_that_lasts_is_believed_at_the_second_batch_and_trusted_rows_begin_anew() -> None:
    played = steps([2.0, 2.0, -2.0, -2.0, -2.0])
    rulings, known, _ = through(played)
    assert rulings[1].data == "doubted" and rulings[1].rule in ("disagreement", "collapse")
    confirmed = next(number for number, ruling in enumerate(rulings) if ruling.confirms)
    assert confirmed == 2 and rulings[2].promoted and rulings[2].data == "believed"
    after = known[confirmed + 1]
    assert (after.doubted, after.doubts, after.uses) == (None, 0, 0)
    assert len(after.trusted) == 2
    names = [portion.part.blob for portion in after.parts]
    assert names == ["batch-00.csv", "batch-01.csv", "batch-02.csv", "batch-03.csv"]


def test_trusted_rows_age() -> None:
    _, known, _ = through(steps([2.0] * (TRUSTED + 4)))
    assert [len(one.trusted) for one in known] == [min(number + 1, TRUSTED) for number in range(TRUSTED + 4)]
    assert [one.uses for one in known] == list(range(TRUSTED + 4))


def test_no_candidate_is_trained_on_a_trusted_row_or_one_of_a_batch_in_doubt() -> None:
    learner = Counting(ridge())
    policy = Gated("this gate", Workshop(model(), learner))
    played = steps([2.0, 2.0, -2.0, -2.0])
    policy.begin(played[0])
    for step in played[1:]:
        stands = policy._stands
        policy.consider(step)
        held = [*stands.trusted, *([stands.doubted.fresh] if stands.doubted else [])]
        trained = set(learner.given[-1].splitlines()[1:])
        assert held and not any(trained & set(sheet.content.splitlines()[1:]) for sheet in held)


def test_a_promotion_that_proves_wrong_on_the_next_batch_is_taken_back() -> None:
    policy = Gated("this gate", Workshop(model(confidence=0.6), ridge()))
    played = steps([2.0, 2.0, 2.0])
    policy.begin(played[0])
    first = policy.live
    stands = policy._stands
    bad = policy._workshop.learner.fit(batch(50, 1.0))
    policy._standing = Standing(bad, stands.parts, stands.columns, stands.classes, stands.trusted, before=first)
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
    policy._standing = Standing(other, stands.parts, stands.columns, stands.classes, stands.trusted)
    ruling = policy.consider(second)
    assert (ruling.outcome, ruling.rule, ruling.data) == ("kept", "champion", "refused")
    assert "chill" in ruling.reason
    assert policy._stands.parts == stands.parts
