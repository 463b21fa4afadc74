"""What landed is read whatever its form, told apart from what is held out, and remembered for the batches to come."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow.csv
import pyarrow.parquet
import pytest

from retrain.accepted import accepted_manifest, read_manifest
from retrain.data.baseline import Baseline
from retrain.data.manifests import Manifest
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import World

APRIL, MAY = bikes.months("2011-04"), bikes.months("2011-05")
JUDGED = (State.PROMOTED, State.REFUSED)


def lines(world: World, blob: str) -> list[bytes]:
    return world.read(blob).splitlines()[1:]


def accepted(world: World) -> Manifest:
    found = accepted_manifest(world.name, world.ports)
    assert found is not None
    return found


def recorded(world: World, run: Run) -> Any:
    assert run.data is not None
    return msgspec.json.decode(world.read(run.data.manifest))


def as_parquet(text: str) -> bytes:
    into = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(text.encode())), into)
    return into.getvalue()


@pytest.mark.parametrize("packed", [lambda text: gzip.compress(text.encode()), as_parquet])
def test_a_file_of_another_form_gives_the_rows_that_its_csv_gives(world: World, packed: Any) -> None:
    world.adopt()
    run = world.finish(world.land("april.bin", packed(APRIL)))
    assert run.state in JUDGED
    assert run.data is not None
    days = {line[:10] for line in lines(world, run.data.holdout)}
    assert min(days) == b"2011-04-22"
    assert len(lines(world, run.data.holdout)) == run.data.holdout_rows
    profile = recorded(world, run)["profile"]
    assert profile["rows"] == profile["trainRows"] + profile["holdoutRows"] == len(APRIL.splitlines()) - 1


def test_lines_that_are_broken_are_all_named_in_the_report(world: World) -> None:
    world.adopt()
    rows = APRIL.splitlines()
    rows[5], rows[9], rows[11] = rows[5] + ",1", "x" + rows[9], rows[11].rpartition(",")[0] + ",many"
    run = world.finish(world.land("april.csv", "\n".join(rows)))
    assert run.state is State.QUARANTINED
    assert [problem.partition(")")[0].rpartition("(")[2] for problem in run.problems] == [
        "line 6",
        "line 12",
        "line 10",
    ]


def test_numbers_with_decimal_commas_are_trained_on_as_plain_numbers_with_a_note(world: World) -> None:
    world.adopt()
    table = bikes.table(APRIL)
    place = table[0].index("temp")
    commas = [table[0], *([*row[:place], row[place].replace(".", ","), *row[place + 1 :]] for row in table[1:])]
    run = world.finish(world.land("april.csv", bikes.text(commas)))
    assert run.state in JUDGED
    profile = recorded(world, run)["profile"]
    assert any("'temp' came as texts" in note for note in profile["notes"])
    assert run.data is not None
    assert lines(world, run.data.training)
    assert not any(b'"' in line for line in lines(world, run.data.training))


def test_a_run_is_judged_with_the_trusted_holdout_as_it_was_before(world: World) -> None:
    world.adopt()
    first = world.finish(world.land("april.csv", APRIL))
    second = world.finish(world.land("may.csv", MAY))
    assert first.data is not None and second.data is not None
    assert [segment.run for segment in read_manifest(first.data.manifest, world.ports).segments] == [
        "adoption",
        first.id,
    ]
    assert (
        first.data.trusted_rows
        == len(lines(world, first.data.trusted))
        == len(bikes.months("2011-03").splitlines()) - 1
    )
    assert set(lines(world, second.data.trusted)) >= set(lines(world, first.data.holdout))
    assert not set(lines(world, second.data.trusted)) & set(lines(world, second.data.training))


def test_what_is_known_of_accepted_batches_is_in_their_baseline(world: World) -> None:
    world.adopt()
    first = world.finish(world.land("april.csv", APRIL))
    found = Baseline.from_bytes(world.read(accepted(world).baseline))
    assert [batch.profile.rows for batch in found.batches] == [len(world.first.splitlines()) - 1, 719]
    assert found.batches[-1].run == first.id


def test_rows_of_the_trusted_holdout_are_not_trained_on_when_they_land_again(world: World) -> None:
    world.adopt()
    world.finish(world.land("april.csv", APRIL))
    held = [line for line in APRIL.splitlines() if line.startswith("2011-04-30")]
    run = world.finish(world.land("may.csv", MAY + "\n".join(held) + "\n"))
    assert run.data is not None
    trained = set(lines(world, run.data.training))
    assert not trained & {line.encode() for line in held}
    assert recorded(world, run)["profile"]["unusedRows"] == len(held)


def test_two_runs_that_are_decided_at_once_are_both_remembered(world: World) -> None:
    world.adopt()
    first, second = world.land("april.csv", APRIL), world.land("may.csv", MAY)
    ends = [world.finish(run) for run in (first, second)]
    assert all(run.state in (*JUDGED, State.SUPERSEDED) for run in ends)
    joined = [run.id for run in ends if any(part.run == run.id for part in accepted(world).parts)]
    after = accepted(world)
    assert [segment.run for segment in after.segments] == ["adoption", *joined]
    known = Baseline.from_bytes(world.read(after.baseline))
    assert [batch.run for batch in known.batches][1:] == joined
    assert len(lines(world, after.trusted)) == sum(segment.rows for segment in after.segments)


@pytest.fixture
def by_reference(new_world: Callable[..., World]) -> World:
    """Bikes whose job reads the file itself, and holds out the newest rows of it."""
    parameters = {"Split Mode": "last"}
    outputs = ("evaluation", "model", "holdout")
    return new_world(extra='intake = "reference"', outputs=outputs, parameters=parameters)


def test_data_by_reference_are_read_by_the_job_alone_and_judged_by_what_it_held_out(by_reference: World) -> None:
    world = by_reference
    world.adopt()
    run = world.finish(world.land("april.csv", APRIL))
    assert run.state in JUDGED, run.why
    assert run.data is not None
    assert run.data.training == run.landings[0].blob
    assert world.names("training-data") and not world.names("archive")
    held = lines(world, run.data.holdout)
    assert len(held) == run.data.holdout_rows == -(-3 * (len(APRIL.splitlines()) - 1) // 10)
    assert set(held) <= {line.encode() for line in APRIL.splitlines()}


def test_what_the_job_held_out_is_trusted_later(by_reference: World) -> None:
    world = by_reference
    world.adopt()
    first = world.finish(world.land("april.csv", APRIL))
    second = world.finish(world.land("may.csv", MAY))
    assert second.state in JUDGED, second.why
    assert first.data is not None and second.data is not None
    assert set(lines(world, second.data.trusted)) >= set(lines(world, first.data.holdout))
    assert [part.kind for part in accepted(world).parts if part.run == first.id] == ["holdout"]


def test_a_replaced_file_by_reference_is_left_to_its_own_run(by_reference: World) -> None:
    world = by_reference
    world.adopt()
    run = world.land("april.csv", APRIL)
    world.drop("april.csv", MAY)
    assert world.finish(run).state is State.SUPERSEDED
