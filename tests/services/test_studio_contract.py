"""What any service of this protocol must do for our clients: the stand-in, and one named by RETRAIN_LIVE_STUDIO_*.

Microsoft retired Studio (classic) in August 2024, so a live one can only be another implementation of its protocol. Set
RETRAIN_LIVE_STUDIO_TRAINING (request URI), _TRAINING_KEY, _PRODUCTION and _STAGING (PATCH URLs), _PRODUCTION_KEY,
_STAGING_KEY, _STORAGE (connection string) and _DATA (container/name.csv in it, label in the last column); the staging
endpoint is PATCHed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import NamedTuple

import pytest

from retrain.ports import Blobs, JobState, Rows
from retrain.run import Artifact
from shared.services.studio_batch import StudioBatch, StudioBatchSettings
from shared.services.studio_classic import StudioClassic, StudioClassicSettings
from shared.storage.accounts import Account, Storage

from .world import World, a_run

LIVE = "RETRAIN_LIVE_STUDIO_"


class Service(NamedTuple):
    """A training service, a scoring service and data that fit each other."""

    trainer: StudioBatch
    endpoint: StudioClassic
    blobs: Blobs
    data: str


@contextmanager
def live() -> Iterator[Service]:
    env = os.environ
    storage = Storage(Account.from_connection_string(env[f"{LIVE}STORAGE"]))
    batch = StudioBatchSettings(url=env[f"{LIVE}TRAINING"], key=f"env:{LIVE}TRAINING_KEY")
    classic = StudioClassicSettings(
        production=env[f"{LIVE}PRODUCTION"],
        production_key=f"env:{LIVE}PRODUCTION_KEY",
        staging=env[f"{LIVE}STAGING"],
        staging_key=f"env:{LIVE}STAGING_KEY",
    )
    blobs = storage.blobs
    yield Service(StudioBatch.of(batch, blobs), StudioClassic.of(classic, blobs), blobs, env[f"{LIVE}DATA"])
    storage.close()


@pytest.fixture(params=["stand-in", *(["live"] if f"{LIVE}TRAINING" in os.environ else [])])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    if request.param == "live":
        with live() as described:
            yield described
    else:
        world: World = request.getfixturevalue("world")
        yield Service(world.trainer(), world.endpoint_client(), world.blobs, "runs/income/train.csv")
        world.studio.refresh_endpoint(world.workspace, world.scoring, "trial", overwrite=True)


def rows_of(service: Service, count: int = 5) -> Rows:
    header, *lines = service.blobs.read(service.data).decode("utf-8-sig").splitlines()[: count + 1]
    return Rows(columns=tuple(header.split(",")[:-1]), values=tuple(tuple(line.split(",")[:-1]) for line in lines))


def test_train_keep_stage_and_score(service: Service) -> None:
    trainer, endpoint, blobs, data = service
    folder = f"runs/contract-{time.time_ns()}"
    job = trainer.submit(a_run(), data, f"{folder}/model.ilearner", f"{folder}/metrics.csv")
    trainer.start(job)
    until = time.monotonic() + 600
    while trainer.poll(job).state in (JobState.NOT_STARTED, JobState.RUNNING):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert trainer.poll(job).state is JobState.SUCCEEDED, trainer.poll(job).details
    results = trainer.results(job)
    model = b"".join(trainer.download(results.artifact))
    assert trainer.metrics(results.metrics)
    blobs.write(f"{folder}/candidate.ilearner", model)
    (staging,) = endpoint.staging()
    production = endpoint.current(endpoint.production())
    artifact = Artifact(blob=f"{folder}/candidate.ilearner", sha256=sha256(model).hexdigest())
    begun = endpoint.begin(staging, artifact)
    assert begun.before.resource
    assert endpoint.current(staging).location == blobs.url(artifact.blob)
    assert endpoint.current(endpoint.production()) == production
    assert b"".join(endpoint.artifact(staging)) == model


def test_the_same_rows_score_alike_twice_and_by_file(service: Service) -> None:
    _, endpoint, blobs, _ = service
    rows, slot = rows_of(service), endpoint.production()
    scores = endpoint.score(slot, rows)
    assert len(scores) == len(rows.values)
    assert endpoint.score(slot, rows) == scores
    folder = f"runs/contract-{time.time_ns()}"
    text = "\n".join(",".join(row) for row in (rows.columns, *rows.values))
    blobs.write(f"{folder}/rows.csv", text.encode())
    job = endpoint.score_file(slot, f"{folder}/rows.csv", f"{folder}/scores.csv")
    until = time.monotonic() + 600
    while endpoint.scored_file(slot, job).state in (JobState.NOT_STARTED, JobState.RUNNING):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert endpoint.scores_in(blobs.open(f"{folder}/scores.csv")) == pytest.approx(scores)
