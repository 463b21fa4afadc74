"""The gate in the whole app: what becomes of batches in doubt, and of a model that proves worse than the one before."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import pytest

from retrain import acts, advance, reconcile
from retrain.accepted import accepted_manifest
from retrain.champion import ChangeKind
from retrain.errors import Conflict
from retrain.run import Run, State
from tests.app import bikes
from tests.app.test_app_production import SPRING, answer, next_second, settled
from tests.app.world import TESTER, World

LENIENT = (
    'mode = "not-worse"\nmargin = 100\ntrusted_margin = 100\nmin_skill = -1\ncollapse = 100\ntrusted_rule = "lenient"'
)
"""Lets a bad model through, as a gate does that somebody has opened too far."""
FLAT = ('metrics = "output1"', 'metrics = "output1"\nparameters = { "L2 Weight" = "1000000" }')
"""A trainer whose models hardly learn."""
CALL = 40  # rows in one call
STRICT = ('mode = "not-worse"', 'mode = "better"')


def configure(world: World, *changes: tuple[str, str], promotion: str = "") -> None:
    """The world's configuration with these changes, and rules for promotion."""
    table = f"[models.{world.name}.gate]"
    rules = f"[models.{world.name}.promotion]\n{promotion}\n\n" if promotion else ""
    world.configure(*changes, (table, f"{rules}{table}"))


@pytest.fixture
def lenient(new_world: Callable[..., World]) -> World:
    """A world whose live model is good, and whose gate lets a bad one through."""
    world = new_world(quiet=True, champion=bikes.months("2011-04", "2011-05", "2011-06"), gate=LENIENT)
    world.adopt()
    return world


def landed(world: World, file: str, *months: str) -> Run:
    next_second()
    return world.finish(world.land(file, bikes.months(*months)))


def worsened(world: World, promotion: str = "") -> Run:
    """A run whose bad model went live; the gate is strict again, and the trainer as bad as before."""
    configure(world, FLAT, promotion=promotion)
    run = landed(world, "july.csv", "2011-07")
    assert run.state is State.PROMOTED, run.why
    configure(world, FLAT, STRICT, promotion=promotion)
    return run


def inverted(*months: str) -> str:
    """Months in which most is where least was: all of it can be learnt, and contradicts what was before."""
    header, *rows = bikes.table(bikes.months(*months))
    return bikes.text([header, *([*row[:-1], f"{1000 - float(row[-1]):.0f}"] for row in rows)])


@pytest.fixture
def taught(new_world: Callable[..., World]) -> World:
    """A world whose champion was promoted from spring; each model learns from its own batch alone."""
    world = new_world(quiet=True, extra='train_on = "batch"')
    world.adopt()
    first = world.finish(world.land("spring.csv", SPRING))
    assert first.state is State.PROMOTED, first.why
    return world


def in_doubt(world: World) -> Run:
    """The run of a batch that contradicts what is trusted."""
    next_second()
    run = world.finish(world.land("summer.csv", inverted("2011-07", "2011-08")))
    assert run.verdict is not None
    assert (run.state, run.verdict.data) == (State.REFUSED, "doubted"), run.why
    pointer = world.ports.ledger.accepted(world.name)
    assert pointer.doubted is not None and pointer.doubted.run == run.id
    assert run.id not in runs_of(world)
    return run


def runs_of(world: World) -> set[str]:
    """The runs whose batches later ones are trained on."""
    manifest = accepted_manifest(world.name, world.ports)
    assert manifest is not None
    return {part.run for part in manifest.parts}


def test_a_batch_in_doubt_is_left_out_when_the_next_one_does_not_show_the_same(taught: World) -> None:
    bad = in_doubt(taught)
    next_second()
    run = taught.finish(taught.land("autumn.csv", bikes.months("2011-09", "2011-10")))
    assert run.verdict is not None and run.verdict.data == "believed", run.why
    assert taught.decision(run)["doubted"] == bad.id, "it was asked about the rows in doubt as well"
    pointer = taught.ports.ledger.accepted(taught.name)
    assert pointer.doubted is None
    assert {run.id} <= runs_of(taught)
    assert bad.id not in runs_of(taught)
    *_, last = taught.ports.ledger.moves(bad.id)
    assert (last.source, last.to) == (State.REFUSED, State.REFUSED)
    assert last.why == f"its data is left out: run {run.id} does not show the same"


def test_a_change_that_lasts_goes_live_with_the_second_batch_and_both_are_believed(taught: World) -> None:
    first = in_doubt(taught)
    next_second()
    run = taught.finish(taught.land("autumn.csv", inverted("2011-09", "2011-10")))
    assert run.state is State.PROMOTED, run.why
    assert run.verdict is not None
    assert (run.verdict.data, run.verdict.confirms) == ("believed", True)
    pointer = taught.ports.ledger.accepted(taught.name)
    assert (pointer.doubted, pointer.uses) == (None, 0)
    assert {first.id, run.id} <= runs_of(taught)
    manifest = accepted_manifest(taught.name, taught.ports)
    assert manifest is not None
    assert [segment.run for segment in manifest.segments] == [first.id, run.id], (
        "what was trusted before is not any more"
    )
    *_, last = taught.ports.ledger.moves(first.id)
    assert last.why == f"its data is believed after all: run {run.id} shows the same"
    next_second()
    third = taught.finish(taught.land("winter.csv", inverted("2011-11", "2011-12")))
    assert third.data is not None and third.data.trusted == manifest.trusted


def test_the_rows_in_doubt_sent_again_in_another_order_do_not_confirm_themselves(taught: World) -> None:
    bad = in_doubt(taught)
    header, *rows = bikes.table(inverted("2011-07", "2011-08"))
    next_second()
    run = taught.finish(taught.land("again.csv", bikes.text([header, *reversed(rows)])))
    assert run.verdict is not None
    assert (run.verdict.data, run.verdict.confirms) == ("doubted", False), run.why
    doubted = taught.ports.ledger.accepted(taught.name).doubted
    assert doubted is not None and doubted.run == bad.id


def test_a_batch_that_comes_into_doubt_while_the_next_is_judged_is_heard_all_the_same(taught: World) -> None:
    next_second()
    older = before_the_gate(taught, "summer.csv", inverted("2011-07", "2011-08"))
    doubted = advance.take(older, taught.ports)
    next_second()
    newer = before_the_gate(taught, "autumn.csv", bikes.months("2011-09", "2011-10"))
    while not (unaware := advance.take(newer, taught.ports)).run.ended:
        advance.save(newer, unaware, taught.ports)
        newer = taught.ports.ledger.run(newer.id)
    assert unaware.accepted is not None
    assert advance.save(older, doubted, taught.ports) is not None
    again = advance.save(newer, unaware, taught.ports)
    assert again is not None and again.state is State.EVALUATING, "it is judged again, beside the batch in doubt"
    advance.send(again, taught.ports)
    ended = taught.finish(again)
    assert taught.decision(ended)["doubted"] == older.id
    assert taught.ports.ledger.accepted(taught.name).doubted is None
    assert newer.id in runs_of(taught) and older.id not in runs_of(taught)


def before_the_gate(world: World, file: str, content: str) -> Run:
    """A run whose candidate is about to be scored."""
    run = world.land(file, content)
    world.queues.get_queue_client("training").clear_messages()
    return world.steps_until(run, State.EVALUATING)


def test_the_times_that_the_trusted_holdout_was_used_are_counted(taught: World) -> None:
    used = [taught.ports.ledger.accepted(taught.name).uses]
    for file, month in (("july.csv", "2011-07"), ("august.csv", "2011-08")):
        run = landed(taught, file, month)
        used.append(taught.ports.ledger.accepted(taught.name).uses)
        assert taught.decision(run)["decision"]["uses"] == used[-2]
    assert used == [1, 2, 3]


def test_a_champion_is_asked_only_about_rows_that_it_never_scored(new_world: Callable[..., World]) -> None:
    world = new_world(quiet=True)
    small = ("settle = 0", f"settle = 0\nrows_per_call = {CALL}")
    configure(world, small)
    world.adopt()
    assert world.finish(world.land("spring.csv", SPRING)).state is State.PROMOTED
    configure(world, small, ('metric = "rmse"', 'metric = "rmse"\nmin_gain = 1000'))
    world.studio.clear_log()
    run = landed(world, "summer.csv", "2011-07", "2011-08", "2011-09")
    assert run.state is State.REFUSED and run.data is not None
    assert run.data.trusted_rows > CALL, "rows that it scored when it was a candidate itself"
    live = urlsplit(world.scenes[world.name].live["ApiLocation"]).path
    asked = [seen for seen in world.studio.log() if seen["operation"] == "execute" and seen["path"].startswith(live)]
    assert len(asked) == math.ceil(run.data.holdout_rows / CALL)


def test_a_champion_that_proves_worse_than_its_predecessor_is_taken_back_by_the_next_batch(lenient: World) -> None:
    before = answer(lenient)
    bad = worsened(lenient)
    assert answer(lenient) != before
    run = landed(lenient, "august.csv", "2011-08")
    assert run.state is State.REFUSED, run.why
    settled(lenient)
    assert answer(lenient) == before
    back = lenient.ports.ledger.change(lenient.name, 2)
    assert (back.kind, back.origin, back.actor.kind) == (ChangeKind.ROLLBACK, 0, "retrain")
    assert run.id in back.why
    assert "predecessor" in back.why
    told = msgspec.json.decode(lenient.read(back.review))
    assert (told["champion"], told["before"], told["worse"]) == (1, 0, True)
    assert lenient.decision(run)["review"]["blob"] == back.review
    champion = lenient.ports.ledger.champion(lenient.name)
    assert champion is not None
    assert champion.fence >= bad.order
    assert champion.review is None
    last = landed(lenient, "september.csv", "2011-09")
    assert lenient.decision(last)["review"] is None, "what was gone back to is not looked back at"


def test_a_person_is_asked_where_the_configuration_says_so_and_may_keep_the_model(lenient: World) -> None:
    worsened(lenient, 'on_worse = "ask"')
    landed(lenient, "august.csv", "2011-08")
    champion = lenient.ports.ledger.champion(lenient.name)
    assert champion is not None and champion.review is not None
    assert (champion.version, champion.intent, champion.review.open) == (1, None, True)
    kept = acts.keep(lenient.name, lenient.ports, actor=TESTER, why="a week of strikes")
    assert kept.review is not None
    assert (kept.review.open, kept.review.answered) == (False, TESTER)
    with pytest.raises(Conflict, match="nothing is asked"):
        acts.keep(lenient.name, lenient.ports, actor=TESTER, why="again")
    run = landed(lenient, "september.csv", "2011-09")
    assert lenient.decision(run)["review"] is None, "a model is looked back at once"


def test_a_candidate_that_beats_both_goes_live_and_nothing_is_taken_back(new_world: Callable[..., World]) -> None:
    world = new_world(quiet=True, gate=LENIENT)
    world.adopt()
    worsened(world)
    configure(world, STRICT)
    run = landed(world, "autumn.csv", "2011-08", "2011-09", "2011-10")
    assert run.state is State.PROMOTED, run.why
    told = world.decision(run)["review"]
    assert told["worse"]
    assert [change.kind for change in world.ports.ledger.changes(world.name)] == [
        ChangeKind.PROMOTION, ChangeKind.PROMOTION, ChangeKind.ADOPTION,
    ]  # fmt: skip


def test_a_champion_that_cannot_be_scored_any_more_is_replaced_by_force_only(world: World) -> None:
    world.adopt()
    world.studio.fault("execute", endpoint="live", status=400, code="BadArgument", message="column(s) missing: wind")
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is State.REFUSED, run.why
    (found,) = [found for found in world.decision(run)["decision"]["findings"] if found["rule"] == "champion"]
    assert found["verdict"] == "fail"
    assert "column(s) missing: wind" in run.why
    assert run.verdict is not None and run.verdict.data == "refused"
    acts.promote(run, world.ports, actor=TESTER, why="the sensor is gone", force=True)
    settled(world)
    change = world.ports.ledger.change(world.name, 1)
    assert (change.kind, change.why) == (ChangeKind.FORCED, "the sensor is gone")


def test_a_good_champion_is_looked_back_at_once_and_stays(new_world: Callable[..., World]) -> None:
    world = new_world(quiet=True)
    world.adopt()
    assert world.finish(world.land("spring.csv", SPRING)).state is State.PROMOTED
    configure(world, ('metric = "rmse"', 'metric = "rmse"\nmin_gain = 1000'))
    run = landed(world, "summer.csv", "2011-07", "2011-08", "2011-09")
    assert run.verdict is not None and run.verdict.data == "believed", run.why
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and champion.review is not None
    assert (champion.version, champion.review.worse, champion.review.run) == (1, False, run.id)
    staged = len(world.patches("staging"))
    last = landed(world, "october.csv", "2011-10")
    assert world.decision(last)["review"] is None
    assert len(world.patches("staging")) == staged + 1, "only the candidate was staged"


def test_a_look_back_that_cannot_be_had_ends_no_run(lenient: World) -> None:
    worsened(lenient)
    next_second()
    run = lenient.land("august.csv", bikes.months("2011-08"))
    while (at := lenient.take_step(run).evaluation) is None or at.artifact is None:
        pass
    lenient.studio.fault("patch", endpoint="staging", status=400, code="BadArgument", message="no such model")
    while not lenient.take_step(run).ended:
        pass
    champion = lenient.ports.ledger.champion(lenient.name)
    assert champion is not None and champion.review is not None
    assert (champion.version, champion.intent, champion.review.worse) == (1, None, False)
    assert "could not be scored" in champion.review.why
    assert "no such model" in champion.review.why


def test_a_rollback_whose_host_dies_right_after_it_was_decided_is_finished_by_the_timer(lenient: World) -> None:
    before = answer(lenient)
    worsened(lenient)
    next_second()
    run = lenient.land("august.csv", bikes.months("2011-08"))
    while not lenient.take_step(run).ended:
        pass
    champion = lenient.ports.ledger.champion(lenient.name)
    assert champion is not None and champion.intent is not None
    assert champion.intent.change.kind is ChangeKind.ROLLBACK
    for queue in ("training", "evaluations"):
        lenient.queues.get_queue_client(queue).clear_messages()
    lenient.later(minutes=3)
    reconcile.tick(lenient.ports)
    settled(lenient)
    assert answer(lenient) == before


def test_a_decision_that_is_lost_before_it_is_saved_is_made_again_and_counts_once(lenient: World) -> None:
    worsened(lenient)
    next_second()
    run = lenient.land("august.csv", bikes.months("2011-08"))
    while (now := lenient.ports.ledger.run(run.id)).state is not State.EVALUATING or not _judging(now):
        lenient.take_step(run)
    lost = advance.take(now, lenient.ports)
    assert lost.run.ended, "here the host dies: its message was sent, nothing was saved"
    advance.send(now, lenient.ports)
    assert lenient.finish(run).state is State.REFUSED
    settled(lenient)
    versions = [change.version for change in lenient.ports.ledger.changes(lenient.name)]
    assert versions == [2, 1, 0], "taken back once"


def _judging(run: Run) -> bool:
    """Whether all that is left is to judge: the model before the champion was scored as well."""
    at = run.evaluation
    return at is not None and at.phase == "champion" and at.round == 2
