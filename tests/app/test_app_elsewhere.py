"""A model that another system trained: judged like any other, taken only from where it may come from."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from retrain import acts, foreign, landing
from retrain.errors import AccessDenied, BadRequest, Conflict
from retrain.messages import BlobLocation, CandidateRequest
from retrain.ports import JobState
from retrain.run import Actor, Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = ("2011-04", "2011-05", "2011-06")
OTHERS = "othermodels"


def trained(world: World, data: str, place: str) -> str:
    """The model that the training service makes of some data when somebody else asks it to; the job's id."""
    ports = world.ports
    source = world.put(f"{world.name}/by-hand.csv", data, "history")
    trainer = ports.services.trainer(ports.models.get(world.name))
    job = trainer.submit(a_run(world), source, place, "runs/by-hand/metrics.csv")
    trainer.start(job)
    while (status := trainer.poll(job)).state in (JobState.NOT_STARTED, JobState.RUNNING):
        time.sleep(0.05)
    assert status.state is JobState.SUCCEEDED, status.details
    return job


def a_run(world: World) -> Run:
    now, ident = world.ports.now(), f"{world.name}~0123456789abcdef"
    actor = Actor(kind="person")
    return Run(id=ident, target=world.name, state=State.READY, order="", door="http", actor=actor, created=now)


def propose(world: World, cause: str = "a cause", **asked: Any) -> Run:
    """Asks, and follows the run to where it sleeps."""
    request = CandidateRequest(**asked)
    run = foreign.propose(world.name, request, world.ports, actor=TESTER, cause=cause)
    landing.start(run, world.ports)
    return world.finish(run)


@pytest.fixture
def fed(world: World) -> World:
    """A model whose newest accepted holdout is of June."""
    world.adopt()
    run = world.finish(world.land("spring.csv", bikes.months(*SPRING)))
    assert run.state is State.PROMOTED, run.why
    return world


def test_a_better_model_from_our_own_storage_goes_live_and_is_rolled_back(world: World) -> None:
    world.adopt()
    trained(world, bikes.months("2011-01", "2011-02", *SPRING), f"history/{world.name}/theirs.ilearner")
    july = world.put(f"{world.name}/july.csv", bikes.months("2011-07"), "history")
    run = propose(world, location=f"history/{world.name}/theirs.ilearner", holdout=july, reason="from the lab")
    assert run.state is State.PROMOTED, run.why
    assert (run.given, run.reason) == (f"history/{world.name}/theirs.ilearner", "from the lab")
    moves = [(move.source, move.to) for move in world.ports.ledger.moves(run.id)]
    assert (State.RECEIVED, State.TRAINED) in moves
    acts.rollback(world.name, world.ports, actor=TESTER, why="only to try it")
    world.pump()
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None
    assert (champion.version, champion.origin) == (2, 0)


def test_a_worse_model_is_refused_on_the_newest_accepted_holdout(fed: World) -> None:
    trained(fed, bikes.months("2011-01"), f"history/{fed.name}/january.ilearner")
    run = propose(fed, location=f"history/{fed.name}/january.ilearner")
    assert run.state is State.REFUSED, run.why
    assert run.data is not None and run.data.holdout.startswith(f"runs/{fed.name}/")
    assert fed.ports.ledger.champion(fed.name).version == 1  # type: ignore[union-attr]


def test_a_job_that_somebody_else_started_is_taken_by_its_id(fed: World) -> None:
    job = trained(fed, bikes.months("2011-01"), f"history/{fed.name}/by-job.ilearner")
    run = propose(fed, job=job)
    assert (run.state, run.given) == (State.REFUSED, f"job {job}")
    assert run.candidate is not None and run.candidate.size > 0


def test_a_result_of_batch_execution_is_taken_from_a_configured_source_and_its_signature_kept_nowhere(
    fed: World,
) -> None:
    fed.blobs.create_container(OTHERS)
    trained(fed, bikes.months("2011-01"), f"{OTHERS}/a/m.ilearner")
    url = fed.ports.blobs.sign(f"{OTHERS}/a/m.ilearner", "r", timedelta(hours=1))
    base, _, rest = url.partition(f"{OTHERS}/")
    location = BlobLocation(base, f"{OTHERS}/a/m.ilearner", "?" + rest.partition("?")[2])
    with pytest.raises(AccessDenied, match=r"is not a place from which models of .* are taken \(nowhere yet\)"):
        propose(fed, location=location)
    table = f"[models.{fed.name}.promotion]"
    fed.configure((f"[models.{fed.name}.gate]", f'{table}\nsources = ["{base}{OTHERS}/"]\n\n[models.{fed.name}.gate]'))
    run = propose(fed, location=location)
    assert run.state is State.REFUSED, run.why
    assert run.given == url.partition("?")[0]
    assert "sig=" not in msgspec.json.encode(run).decode()
    with pytest.raises(AccessDenied):
        propose(fed, location=f"{base}{OTHERS}/../{OTHERS}2/m.ilearner")
    with pytest.raises(AccessDenied):
        propose(fed, location=f"{base}{OTHERS}/%2E%2e/{OTHERS}2/m.ilearner")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "say where the model is"),
        ({"job": "x", "location": "history/y"}, "one of the two"),
        ({"location": "history/{name}/none.ilearner"}, "there is no model"),
        ({"location": "history/{name}/empty.ilearner"}, "the model is empty"),
    ],
)
def test_what_is_no_model_is_refused_at_once(fed: World, asked: dict[str, str], sentence: str) -> None:
    fed.put(f"{fed.name}/empty.ilearner", "", "history")
    given = {name: text.replace("{name}", fed.name) for name, text in asked.items()}
    with pytest.raises(BadRequest, match=sentence):
        propose(fed, **given)


def test_another_models_folder_is_refused(fed: World) -> None:
    with pytest.raises(AccessDenied):
        propose(fed, location="history/others/m.ilearner")
    with pytest.raises(AccessDenied):
        propose(fed, location=f"history/{fed.name}/m.ilearner", holdout="history/others/h.csv")


def test_without_accepted_data_a_holdout_must_be_named(world: World) -> None:
    world.adopt(data=[])
    with pytest.raises(BadRequest, match="name a `holdout`"):
        propose(world, location=f"history/{world.name}/m.ilearner")


def test_what_is_no_model_of_the_service_fails_with_the_services_words(fed: World) -> None:
    fed.put(f"{fed.name}/text.ilearner", "not a model", "history")
    run = propose(fed, location=f"history/{fed.name}/text.ilearner")
    assert run.state is not State.PROMOTED
    assert "no trained model" in run.why or "not a trained model" in run.why, run.why
    assert fed.ports.ledger.champion(fed.name).version == 1  # type: ignore[union-attr]


def test_the_same_key_finds_its_run_although_the_signature_is_new_and_another_request_is_a_conflict(fed: World) -> None:
    trained(fed, bikes.months("2011-01"), f"history/{fed.name}/january.ilearner")
    asked = {"location": f"history/{fed.name}/january.ilearner", "idempotency_key": "nightly"}
    first = propose(fed, cause="nightly", **asked)
    assert propose(fed, cause="nightly", **asked).id == first.id
    with pytest.raises(Conflict, match="belongs to another request"):
        propose(fed, cause="nightly", **{**asked, "reason": "another"})


def test_a_twin_of_a_request_keeps_the_bytes_that_the_first_one_took(fed: World) -> None:
    place = fed.put(f"{fed.name}/theirs.ilearner", "the first", "history")
    request, ports = CandidateRequest(location=place), fed.ports
    first = foreign.propose(fed.name, request, ports, actor=TESTER, cause="once")
    fed.put(f"{fed.name}/theirs.ilearner", "another", "history")
    run = foreign.propose(fed.name, request, ports, actor=TESTER, cause="once")
    assert run.id == first.id
    assert run.candidate is not None
    assert run.candidate.sha256 == sha256(b"the first").hexdigest()
    assert ports.blobs.read(run.candidate.blob) == b"the first"


def test_such_a_run_is_not_replayed(fed: World) -> None:
    trained(fed, bikes.months("2011-01"), f"history/{fed.name}/january.ilearner")
    run = propose(fed, location=f"history/{fed.name}/january.ilearner")
    with pytest.raises(Conflict, match="send that model again"):
        acts.replay(run, fed.ports, actor=TESTER, why="")


def test_over_http_the_answer_names_the_run(new_world: Callable[..., World]) -> None:
    world = new_world()
    world.adopt()
    trained(world, bikes.months("2011-01", "2011-02", *SPRING), f"history/{world.name}/theirs.ilearner")
    july = world.put(f"{world.name}/july.csv", bikes.months("2011-07"), "history")
    world.start()
    body = {"location": f"history/{world.name}/theirs.ilearner", "holdout": july}
    answer = world.call("POST", f"models/{world.name}/promotions", body)
    assert answer.status_code == 202, answer.text
    (run,) = world.wait()
    assert run["state"] == "promoted", run["why"]
    assert answer.headers["Location"].endswith(f"/api/runs/{run['id']}")
    assert world.call("POST", "models/nobody/promotions", body).status_code == 404
    assert world.call("POST", f"models/{world.name}/promotions", {"location": 7}).status_code == 400
