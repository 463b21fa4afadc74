"""Batches that rules of intake refuse or doubt, and a person's release, with real files, storage and a real service."""

from __future__ import annotations

import msgspec
import pytest

from retrain import acts
from retrain.errors import Conflict
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

APRIL = bikes.months("2011-04")


def column(content: str, name: str, change: object) -> str:
    """The rows with one column changed."""
    header, *rows = bikes.table(content)
    place = header.index(name)
    return bikes.text([header, *([*row[:place], change(row[place]), *row[place + 1 :]] for row in rows)])  # type: ignore[operator]


@pytest.fixture
def started(world: World) -> World:
    """A world with a champion, and two months accepted after it."""
    world.adopt()
    world.finish(world.land("april.csv", APRIL))
    world.finish(world.land("may.csv", bikes.months("2011-05")))
    return world


def landed(world: World, content: str, file: str = "june.csv") -> Run:
    """The run of a file, ended."""
    return world.finish(world.land(file, content))


def report(world: World, run: Run) -> dict[str, object]:
    """The report beside a refused file."""
    (blob,) = [name for name in world.names("quarantine") if name.endswith("report.json") and run.id[-16:] in name]
    return msgspec.json.decode(world.read(f"quarantine/{blob}"))  # type: ignore[no-any-return]


def thousands(content: str) -> str:
    """Humidity in another unit."""
    return column(content, "hum", lambda value: f"{float(value) * 1000:g}")


def test_a_column_in_another_unit_is_refused_before_a_job_is_paid_for(started: World) -> None:
    jobs = len(started.studio.jobs())
    run = landed(started, thousands(bikes.months("2011-06")))
    assert (run.state, run.refused_by) == (State.QUARANTINED, ("unit",)), run.why
    assert "'hum'" in run.why and "times 1000" in run.why
    assert len(started.studio.jobs()) == jobs
    (blob,) = [name for name in started.names("quarantine") if name.endswith("report.md")]
    text = started.read(f"quarantine/{blob}").decode()
    assert text.index("## What is wrong") < text.index("## What to do")
    assert f"retrain release {run.id} --reason TEXT" in text
    told = report(started, run)
    assert told["releasable"] is True
    (finding,) = [each for each in told["findings"] if each["rule"] == "unit"]  # type: ignore[attr-defined]
    assert finding["column"] == "hum" and finding["figure"] > finding["limit"]


def test_a_released_batch_is_trained_on_in_doubt_and_the_record_says_who_and_why(started: World) -> None:
    refused = landed(started, thousands(bikes.months("2011-06")))
    new = acts.release(refused, started.ports, actor=TESTER, why="new sensors")
    again = acts.release(refused, started.ports, actor=TESTER, why="new sensors")
    assert new.id == again.id != refused.id
    ended = started.finish(new)
    assert ended.data is not None and ended.state is not State.QUARANTINED, ended.why
    assert any("'hum'" in doubt for doubt in ended.data.doubts)
    assert ended.released is not None
    assert (ended.released.run, ended.released.rules, ended.released.actor) == (refused.id, ("unit",), TESTER)
    first, *_ = started.ports.ledger.moves(new.id)
    assert first.actor == TESTER and "new sensors" in first.why and "unit" in first.why


def test_a_batch_that_is_believed_on_release_is_in_no_doubt(started: World) -> None:
    refused = landed(started, thousands(bikes.months("2011-06")))
    new = started.finish(acts.release(refused, started.ports, actor=TESTER, why="new sensors", believe=True))
    assert new.data is not None and new.data.doubts == ()


def test_columns_that_are_not_the_accepted_ones_are_named_and_cannot_be_released(started: World) -> None:
    header, *rows = bikes.table(bikes.months("2011-06"))
    renamed = bikes.text([["humidity" if name == "hum" else name for name in header], *rows])
    run = landed(started, renamed)
    assert (run.state, run.refused_by) == (State.QUARANTINED, ("renamed_column",)), run.why
    assert "name it 'hum' again" in run.why
    assert report(started, run)["releasable"] is False
    with pytest.raises(Conflict, match="only corrected"):
        acts.release(run, started.ports, actor=TESTER, why="it is right")


def test_a_file_without_header_is_said_to_be_one(started: World) -> None:
    run = landed(started, bikes.months("2011-06").partition("\n")[2])
    assert (run.state, run.refused_by) == (State.QUARANTINED, ("header_missing",)), run.why


def test_what_cannot_be_read_cannot_be_released(started: World) -> None:
    run = landed(started, "what\n1\n")
    assert (run.state, run.refused_by) == (State.QUARANTINED, ())
    with pytest.raises(Conflict, match="uploaded again"):
        acts.release(run, started.ports, actor=TESTER, why="it is right")


def test_a_release_needs_a_reason_and_a_run_in_quarantine(started: World) -> None:
    run = landed(started, thousands(bikes.months("2011-06")))
    with pytest.raises(Conflict, match="send a reason"):
        acts.release(run, started.ports, actor=TESTER, why="")
    fine = landed(started, bikes.months("2011-06"), "right.csv")
    with pytest.raises(Conflict, match="not quarantined"):
        acts.release(fine, started.ports, actor=TESTER, why="it is right")


def test_the_rows_of_an_accepted_batch_in_another_order_are_refused_under_any_name(started: World) -> None:
    header, *rows = bikes.table(APRIL)
    run = landed(started, bikes.text([header, *reversed(rows)]), "new-name.csv")
    assert run.state is State.QUARANTINED
    assert "repeated_batch" in run.refused_by


def test_a_replay_of_an_accepted_batch_is_not_taken_for_a_repetition(started: World) -> None:
    (accepted,) = [run for run in started.ports.ledger.runs(started.name) if "april" in run.landings[0].blob]
    again = started.finish(acts.replay(accepted, started.ports, actor=TESTER, why="once more"))
    assert again.state is not State.QUARANTINED, again.why


def test_a_rule_that_is_off_lets_the_batch_through(started: World) -> None:
    table = f'[models.{started.name}.intake]\nseverity = {{ unit = "off" }}'
    gate = f"[models.{started.name}.gate]"
    started.configure((gate, f"{table}\n\n{gate}"))
    run = landed(started, thousands(bikes.months("2011-06")))
    assert run.state is not State.QUARANTINED, run.why
