"""Commands against the real handlers and real storage: what they print, record and exit with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrain.ports import Ports
from retrain.run import State
from tests.cli.conftest import MODEL, Command, rows
from tests.cli.records import judged, keep, run_in
from tests.cli.server import KEY, Server, Triggers


@pytest.fixture
def parked(ports: Ports) -> str:
    why = "heat has no champion on record"
    return keep(run_in(State.PARKED, "p", parked_from=State.READY, why=why), ports).id


def test_reading_commands_print_json_and_nothing_else(retrain: Command, ports: Ports, parked: str) -> None:
    run = keep(judged(State.REFUSED), ports).id
    keep(run_in(State.QUARANTINED, "q"), ports)
    reading = (
        ("models",), ("models", MODEL), ("runs", MODEL), ("show", run), ("parked",), ("quarantine", MODEL),
        ("watch", run),
    )  # fmt: skip
    for command in reading:
        done = retrain(*command, "--json")
        assert done.err == "", command
        assert done.out.startswith("{"), command
        json.loads(done.out)


def test_show_tells_figures_rules_history_and_the_next_step_of_a_refusal(retrain: Command, ports: Ports) -> None:
    run = keep(judged(State.REFUSED), ports)
    done = retrain("show", run.id)
    assert done.code == 0
    for told in ("refused", "41.235", "39.877", "-2.1 to -0.6", "FAIL  gain", "12,345 to train on", "job-17"):
        assert told in done.out
    assert f"retrain promote {run.id} --force --reason" in done.out


def test_runs_are_listed_newest_first_and_limited(retrain: Command, ports: Ports) -> None:
    for name in "abc":
        keep(run_in(State.SUPERSEDED, name), ports)
    listed = json.loads(retrain("runs", MODEL, "--limit", "2", "--json").out)["runs"]
    assert [run["landings"][0]["blob"][-5:] for run in listed] == ["c.csv", "b.csv"]


@pytest.mark.parametrize(
    ("state", "code"),
    [(State.PROMOTED, 0), (State.FAILED, 1), (State.UNVERIFIED, 1), (State.QUARANTINED, 3), (State.PARKED, 4)],
)
def test_watch_exits_with_what_became_of_the_run(retrain: Command, ports: Ports, state: State, code: int) -> None:
    run = keep(run_in(state, why="so it went"), ports)
    done = retrain("watch", run.id)
    assert done.code == code
    assert state in done.out


def test_watch_gives_up_after_its_timeout(retrain: Command, ports: Ports) -> None:
    run = keep(run_in(State.WAITING), ports)
    done = retrain("watch", run.id, "--timeout", "0.1")
    assert done.code == 4
    assert "still waiting" in done.err


def test_parked_lists_what_stopped_and_releases_it(retrain: Command, ports: Ports, parked: str) -> None:
    listed = retrain("parked")
    assert parked in listed.out
    assert "no champion on record" in listed.out
    released = retrain("--actor", "ana", "parked", "--release", parked)
    assert released.code == 0, released.err
    assert ports.ledger.run(parked).state is State.READY
    assert ports.ledger.moves(parked)[-1].actor.id == "ana"


def test_quarantine_tells_what_is_wrong_with_each_file(retrain: Command, ports: Ports) -> None:
    keep(run_in(State.QUARANTINED, "q", why="the label column 'heat' is missing"), ports)
    done = retrain("quarantine", MODEL)
    assert f"training-data/{MODEL}/q.csv" in done.out
    assert "the label column 'heat' is missing" in done.out


def test_acts_of_a_person_are_recorded_with_name_and_reason(retrain: Command, ports: Ports) -> None:
    approved, rejected, cancelled = (
        keep(run_in(state, name), ports).id
        for name, state in (("a", State.AWAITING_APPROVAL), ("r", State.AWAITING_APPROVAL), ("c", State.WAITING))
    )
    for act, run in (("approve", approved), ("reject", rejected), ("cancel", cancelled)):
        done = retrain("--actor", "ana", act, run, "--reason", f"to {act} it")
        assert done.code == 0, done.err
        move = ports.ledger.moves(run)[-1]
        assert (move.actor.id, move.why) == ("ana", f"to {act} it")
    again = retrain("reject", rejected)
    assert again.code == 1
    assert "there is nothing to reject" in again.err


def test_replay_starts_an_ended_run_anew(retrain: Command, ports: Ports) -> None:
    run = keep(run_in(State.FAILED), ports)
    ports.blobs.write(run.landings[0].blob, b"outside,heat\n1,2\n")
    done = retrain("replay", run.id)
    assert done.code == 0, done.err
    assert f"a new run on the data of {run.id}" in done.out


def test_release_starts_a_new_run_on_a_refused_file_and_the_record_says_who_and_why(
    retrain: Command, ports: Ports
) -> None:
    run = keep(run_in(State.QUARANTINED, "q", why="in another unit", refused_by=("unit",)), ports)
    ports.blobs.write(run.landings[0].blob, b"outside,heat\n1,2\n")
    assert f"retrain release {run.id} --reason TEXT" in retrain("show", run.id).out
    assert retrain("release", run.id).code == 2
    done = retrain("--actor", "ana", "release", run.id, "--reason", "new sensors", "--believe", "--json")
    assert done.code == 0, done.err
    new = ports.ledger.run(json.loads(done.out)["id"])
    assert new.released is not None
    assert (new.released.rules, new.released.actor.id, new.released.believe) == (("unit",), "ana", True)
    assert "new sensors" in ports.ledger.moves(new.id)[0].why


def test_a_file_that_cannot_be_read_is_not_offered_for_release(retrain: Command, ports: Ports) -> None:
    run = keep(run_in(State.QUARANTINED, "q", why="not UTF-8", problems=("line 3 is not UTF-8",)), ports)
    assert "retrain release" not in retrain("show", run.id).out
    done = retrain("release", run.id, "--reason", "it is right")
    assert done.code == 1
    assert "line 3 is not UTF-8" in done.err


def test_submit_finds_the_run_of_its_own_file_and_watches_it(
    retrain: Command, ports: Ports, triggers: Triggers, tmp_path: Path
) -> None:
    file = tmp_path / "august.csv"
    file.write_text(rows(400, seed=1))
    done = retrain("submit", str(file), "--model", MODEL, "--watch")
    assert done.code == 4, done.err
    assert f"retrain adopt {MODEL} --holdout FILE" in done.out
    file.write_text("what\n1\n")
    bad = retrain("submit", str(file), "--model", MODEL, "--watch", "--json")
    assert bad.code == 3
    told = json.loads(bad.out)
    assert told["state"] == "quarantined"
    assert told["landings"][0]["blob"].startswith(f"training-data/{MODEL}/august-")


def test_submit_with_a_parameter_starts_one_run_that_has_it(
    retrain: Command, ports: Ports, triggers: Triggers, tmp_path: Path
) -> None:
    file = tmp_path / "august.csv"
    file.write_text(rows(400, seed=1))
    done = retrain("submit", str(file), "--model", MODEL, "--param", "L2 Weight=2", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["parameters"] == {"L2 Weight": "2"}
    assert len(ports.ledger.runs(MODEL)) == 1


def test_submit_refuses_an_empty_file_and_a_malformed_parameter(retrain: Command, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.touch()
    empty = retrain("submit", str(file), "--model", MODEL)
    assert (empty.code, "is empty" in empty.err) == (1, True)
    wrong = retrain("submit", str(file), "--model", MODEL, "--param", "trees")
    assert (wrong.code, "not name=value" in wrong.err) == (2, True)


def test_backfill_repeated_starts_none_twice_and_names_what_is_not_there(retrain: Command, ports: Ports) -> None:
    blobs = [f"training-data/{MODEL}/{month}.csv" for month in ("2011-01", "2011-02")]
    for blob in blobs:
        ports.blobs.write(blob, b"outside,heat\n1,2\n")
    first = json.loads(retrain("backfill", MODEL, *blobs, "--json").out)["runs"]
    ports.blobs.delete(blobs[0])  # as its run does, once it has a copy
    second = retrain("backfill", MODEL, *blobs, f"training-data/{MODEL}/never.csv", "--json")
    assert [run["id"] for run in json.loads(second.out)["runs"]] == [run["id"] for run in first]
    assert second.code == 1
    assert "1 of 3 blobs have no run" in second.err
    assert "never.csv" in second.err
    assert len(ports.ledger.runs(MODEL)) == 2


def test_adopt_asks_for_a_holdout_and_says_why(retrain: Command) -> None:
    done = retrain("adopt", MODEL)
    assert done.code == 2
    assert "--holdout FILE" in done.err
    assert "labelled rows" in done.err


def test_an_unknown_model_names_those_there_are(retrain: Command) -> None:
    done = retrain("runs", "haet")
    assert done.code == 1
    assert "there are: heat" in done.err
    assert done.out == ""


def test_the_function_key_is_sent_and_never_shown(retrain: Command, server: Server) -> None:
    server.key = KEY
    without = retrain("models")
    assert without.code == 1
    assert "RETRAIN_KEY" in without.err
    assert retrain("models", RETRAIN_KEY=KEY).code == 0
    assert retrain("--key", "env:MINE", "models", MINE=KEY).code == 0
    for done in (retrain("--key", KEY, "models"), retrain("models", RETRAIN_KEY=f"wrong-{KEY}")):
        assert done.code in (1, 2)
        assert KEY not in done.out + done.err


def test_nobody_at_the_address_says_how_to_start(bare: Command) -> None:
    done = bare("models", RETRAIN_URL="http://127.0.0.1:9")
    assert done.code == 1
    assert "no Retrain at http://127.0.0.1:9" in done.err
    assert "make up" in done.err


def test_an_address_that_would_show_the_key_to_the_network_is_refused(bare: Command) -> None:
    done = bare("--url", "http://retrain.example", "models", RETRAIN_KEY=KEY)
    assert done.code == 2
    assert "not encrypted" in done.err
