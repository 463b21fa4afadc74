"""Many models and endpoints from one experiment: ten stations of a bike rental, one training service, a model each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from retrain import acts, doctor, landing, reconcile
from retrain.errors import BadRequest, NotFound
from retrain.ports import Rows
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

STATIONS = tuple(f"{number:03}" for number in range(1, 11))
FACTORS = {station: 0.25 + 0.3 * number for number, station in enumerate(STATIONS)}
SPRING = bikes.months("2011-04", "2011-05", "2011-06")
AT_ONCE = 3


def rental(new_world: Callable[..., World], stations: tuple[str, ...] = STATIONS) -> World:
    """Stations that share a training service, two staging endpoints, and at first the model of all; all adopted."""
    world = new_world(targets=stations, stagings=2)
    world.configure(('metrics = "output1"', f'metrics = "output1"\njobs_at_once = {AT_ONCE}'))
    for station in stations:
        world.adopt(at(world, station), data=[], march=data_of(station, bikes.months("2011-03")))
    return world


def at(world: World, station: str) -> str:
    return f"{world.name}:{station}"


def data_of(station: str, content: str = SPRING) -> str:
    return bikes.scaled(content, FACTORS[station])


def land(world: World, station: str, content: str | None = None) -> Run:
    return world.land("spring.csv", content or data_of(station), at(world, station))


def answers(world: World, station: str) -> list[float]:
    """What the station's endpoint predicts for one and the same row."""
    header, row, *_ = bikes.table(SPRING)
    endpoint = world.ports.services.endpoint(world.ports.models.get(at(world, station)))
    return endpoint.score(endpoint.production(), Rows(columns=tuple(header[:-1]), values=(tuple(row[:-1]),)))


def jobs(world: World) -> list[dict[str, Any]]:
    """Jobs of the training service that were started."""
    endpoint = world.scenes[world.name].training["ApiLocation"].rpartition("/")[2]
    return [job for job in world.studio.jobs(endpoint) if job["started"] is not None]


def most_at_once(found: list[dict[str, Any]]) -> int:
    """How many of these jobs ran at the same time at most."""
    return max(sum(a["started"] <= b["started"] < a["ended"] for a in found) for b in found)


def default_model(world: World) -> Any:
    scene = world.scenes[world.name]
    return world.studio.get_endpoint(scene.workspace, scene.service)["Resources"][0]["Location"]["RelativeLocation"]


@pytest.mark.timeout(180)
def test_each_station_gets_a_model_of_its_own_from_one_training_service(new_world: Callable[..., World]) -> None:
    world = rental(new_world)
    original, before = default_model(world), {station: answers(world, station) for station in STATIONS}
    assert len({tuple(scores) for scores in before.values()}) == 1, "all start with a copy of the same model"
    runs = {station: land(world, station) for station in STATIONS}
    ended = {station: world.finish(run) for station, run in runs.items()}
    states = {station: (run.state, run.version) for station, run in ended.items()}
    assert states == dict.fromkeys(STATIONS, (State.PROMOTED, 1)), {run.why for run in ended.values()}
    after = {station: tuple(answers(world, station)) for station in STATIONS}
    assert len(set(after.values())) == len(STATIONS), "every station has its own model"
    assert default_model(world) == original
    assert len(jobs(world)) == len(STATIONS)
    assert most_at_once(jobs(world)) <= AT_ONCE
    assert ended["007"].candidate is not None
    assert ended["007"].candidate.blob.startswith(f"candidates/{world.name}/007/")
    assert world.names("champions", f"{world.name}/007/1-") and world.names("archive", f"{world.name}/007/")
    assert world.names("training-data") == []
    _one_goes_back(world, after)


def _one_goes_back(world: World, after: dict[str, tuple[float, ...]]) -> None:
    """A rollback of one station leaves the others alone."""
    target = at(world, "007")
    acts.rollback(target, world.ports, actor=TESTER, why="complaints at the station")
    world.pump()
    champion = world.ports.ledger.champion(target)
    assert champion is not None and (champion.version, champion.origin, champion.intent) == (2, 0, None)
    now = {station: tuple(answers(world, station)) for station in STATIONS}
    assert {station for station in STATIONS if now[station] != after[station]} == {"007"}


@pytest.mark.timeout(180)
def test_runs_wait_for_a_place_while_their_service_is_full_and_none_is_left_behind(
    new_world: Callable[..., World],
) -> None:
    stations = STATIONS[:6]
    world = rental(new_world, stations)
    endpoint = world.scenes[world.name].training["ApiLocation"].rpartition("/")[2]
    world.studio.hold_jobs(endpoint)
    runs = [land(world, station) for station in stations]
    while world.deliver(patient=False):
        pass
    states = [world.ports.ledger.run(run.id).state for run in runs]
    assert sorted(states) == [State.QUEUED] * 3 + [State.TRAINING] * 3
    waiting = next(run for run in map(world.ports.ledger.run, (run.id for run in runs)) if run.state is State.QUEUED)
    assert "runs 3 jobs already" in waiting.why
    acts.cancel(waiting, world.ports, actor=TESTER, why="not this one")
    assert len(jobs(world)) == AT_ONCE
    running = next(run for run in map(world.ports.ledger.run, (run.id for run in runs)) if run.state is State.TRAINING)
    acts.cancel(running, world.ports, actor=TESTER, why="its place is free at once")
    _until(world, lambda: sum(run.state is State.TRAINING for run in map(_now(world), runs)) == AT_ONCE)
    world.studio.release_jobs()
    ended = [world.finish(run) for run in runs]
    assert sorted(run.state for run in ended) == [State.CANCELLED] * 2 + [State.PROMOTED] * 4
    assert len(jobs(world)) == len(stations) - 1
    assert most_at_once([job for job in jobs(world) if job["ended"]]) <= AT_ONCE


def _now(world: World) -> Callable[[Run], Run]:
    return lambda run: world.ports.ledger.run(run.id)


def _until(world: World, reached: Callable[[], bool]) -> None:
    stop = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < stop
        world.deliver()


@pytest.mark.timeout(180)
def test_a_host_killed_among_many_keys_goes_on_without_a_second_job_for_any(new_world: Callable[..., World]) -> None:
    stations = STATIONS[:5]
    world = rental(new_world, stations)
    host = world.start()
    for station in stations:
        world.drop("spring.csv", data_of(station), at(world, station))
    stop = time.monotonic() + 60
    while len(jobs(world)) < 2 and time.monotonic() < stop:
        time.sleep(0.05)
    host.kill()
    world.start()
    for station in stations:
        (run,) = world.wait(name=at(world, station), seconds=90)
        assert run["state"] == "promoted", run["why"]
    assert len(jobs(world)) == len(stations)
    assert most_at_once(jobs(world)) <= AT_ONCE
    _over_http(world, stations)


def _over_http(world: World, stations: tuple[str, ...]) -> None:
    listed = {model["name"]: model for model in world.call("GET", "models").json()["models"]}
    assert (listed[world.name]["keys"], listed[world.name]["adopted"]) == (len(stations), len(stations))
    entry = world.call("GET", f"models/{world.name}").json()
    assert [target["key"] for target in entry["targets"]] == list(stations)
    assert {target["champion"]["version"] for target in entry["targets"]} == {1}
    one = world.call("GET", f"models/{at(world, '003')}").json()
    assert (one["name"], one["champion"]["version"]) == (at(world, "003"), 1)
    upload = world.call("POST", f"models/{at(world, '003')}/uploads", {"name": "more.csv"}).json()
    assert upload["blob"] == f"training-data/{world.name}/003/more.csv"
    refused = world.call("POST", f"models/{world.name}/runs", {})
    assert refused.status_code == 400
    assert f"name one, such as {world.name}:001" in refused.json()["error"]["message"]
    assert world.call("GET", f"models/{world.name}:999/runs").status_code == 404
    assert world.host is not None
    page = world.call("GET", "../").text
    assert f'href="/?model={world.name}:003"' in page
    assert "promoted" in world.call("GET", f"../?model={at(world, '003')}").text


def test_a_bad_file_of_one_key_affects_that_key_only(new_world: Callable[..., World]) -> None:
    stations = STATIONS[:2]
    world = rental(new_world, stations)
    bad, good = land(world, "001", "nothing,of,use\n1,2,3\n"), land(world, "002")
    assert world.finish(bad).state is State.QUARANTINED
    assert world.names("quarantine", f"{world.name}/001/")
    assert world.finish(good).state is State.PROMOTED
    champion = world.ports.ledger.champion(at(world, "001"))
    assert champion is not None and champion.version == 0


def test_a_file_outside_the_folders_of_keys_is_left_with_a_message(
    new_world: Callable[..., World], caplog: pytest.LogCaptureFixture
) -> None:
    world = new_world(targets=STATIONS[:2])
    for path in ("spring.csv", "999/spring.csv"):
        assert landing.arrived(world.put(f"{world.name}/{path}", data_of("001")), world.ports) is None
    assert "it lies above their folders" in caplog.text and "'999' is none of them" in caplog.text
    assert len(world.names("training-data")) == 2


def test_lost_events_and_schedules_are_made_good_for_each_key(new_world: Callable[..., World]) -> None:
    stations = STATIONS[:2]
    world = rental(new_world, stations)
    world.drop("spring.csv", data_of("002"), at(world, "002"))
    world.later(minutes=3)
    reconcile.tick(world.ports)
    (run,) = world.ports.ledger.runs(at(world, "002"))
    assert world.finish(run).state is State.PROMOTED
    world.configure(("label =", 'schedule = "0 0 3 * * *"\nlabel ='))
    reconcile.tick(world.ports)
    world.later(days=1)
    reconcile.tick(world.ports)
    reconcile.tick(world.ports)
    asked = {station: world.ports.ledger.runs(at(world, station))[0] for station in stations}
    assert {run.door for run in asked.values()} == {"schedule"}
    assert [len(world.ports.ledger.runs(at(world, station))) for station in stations] == [1, 2]
    assert world.finish(asked["001"]).state is State.UNCHANGED


def test_a_poisoned_event_of_a_key_parks_its_run(new_world: Callable[..., World]) -> None:
    world = rental(new_world, STATIONS[:1])
    run = land(world, "001")
    (landed,) = run.landings
    container, _, name = landed.blob.partition("/")
    event = f'{{"ContainerName":"{container}","BlobName":"{name}","ETag":"\\"{landed.etag}\\""}}'
    world.queues.create_queue(reconcile.BLOB_POISON).send_message(event)
    reconcile.tick(world.ports)
    assert world.ports.ledger.run(run.id).state is State.PARKED


def test_a_key_must_be_one_there_is(new_world: Callable[..., World]) -> None:
    world = new_world(targets=STATIONS)
    with pytest.raises(BadRequest, match=f"name one, such as {world.name}:001"):
        world.ports.models.get(world.name)
    with pytest.raises(NotFound, match=r"no key '011'; it has 10: 001, 002, 003, 004 … 010"):
        world.ports.models.get(f"{world.name}:011")
    with pytest.raises(NotFound):
        world.ports.models.get(f"{world.name}:")


def test_targets_of_one_service_share_its_client_and_connections(new_world: Callable[..., World]) -> None:
    world = new_world(targets=STATIONS)
    models = [world.ports.models.get(at(world, station)) for station in STATIONS]
    trainers = {id(world.ports.services.trainer(model)) for model in models}
    endpoints = [world.ports.services.endpoint(model) for model in models]
    assert len(trainers) == 1
    assert len({endpoint.production().url for endpoint in endpoints}) == len(STATIONS)
    sessions = {id(endpoint._http._session) for endpoint in endpoints}  # type: ignore[attr-defined]  # nothing public tells
    assert len(sessions) == 1


def test_the_doctor_looks_at_every_key(new_world: Callable[..., World]) -> None:
    world = new_world(targets=STATIONS[:3])
    world.adopt(at(world, "002"), data=[])
    report = doctor.examine(world.name, world.ports)
    assert [one.model for one in report.models] == [at(world, station) for station in STATIONS[:3]]
    champions = [found.verdict for one in report.models for found in one.findings if found.subject == "champion"]
    assert champions == ["warn", "ok", "warn"]
    (only,) = doctor.examine(at(world, "002"), world.ports).models
    assert {found.verdict for found in only.findings} == {"ok"}, only.findings


def test_the_doctor_says_which_keys_of_many_it_did_not_look_at(new_world: Callable[..., World]) -> None:
    world = new_world(targets=STATIONS[:2])
    listed = 'keys = ["001","002"]'
    world.configure((listed, 'keys = ["001","002","0100..0299"]'))
    report = doctor.examine_all(world.ports)
    assert len(report.models) == doctor.MOST_KEYS
    assert any(f"first {doctor.MOST_KEYS} of 202 keys" in found.message for found in report.app)
