"""One's own CSV as a model in the running local stack: trained, deployed, configured, adopted, in one call."""

from __future__ import annotations

import csv
import gzip
import io
import time as clock
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cli.api import Api
from cli.problems import Problem
from local import adopting, running
from local.adopting import Divided
from local.home import UP, Home
from local.scenery import Scene, stage
from local.scenery_factory import through_factory
from local.scenery_service import deployed_anew
from local.services.arm.client import NotDeployed
from local.services.engine.learners import LEARNERS, PARAMETERS
from local.services.studio.client import StudioClient, StudioRefused
from retrain.data.labels import number, positive_class
from retrain.data.tables import BadData
from retrain.gate.facts import Kind
from retrain.keys import NAME

METRICS: dict[Kind, str] = {"regression": "rmse", "classification": "auc"}
TRAINERS = ("studio-batch", "data-factory")
ENDPOINTS = ("studio-classic", "studio-service")
DEFAULT_LEARNER = "boosted-trees"  # does both tasks, needs no scaling and takes missing values
RESTART = 60.0  # seconds within which the app must know the new model


@dataclass(frozen=True)
class Deployed:
    """What was made. `baseline` is the adopted model's figure on the held-out rows: metric, value, skill, rows."""

    name: str
    task: Kind
    learner: str
    train_rows: int
    holdout_rows: int
    baseline: dict[str, Any]
    production: str
    models: Path


def deploy(
    csv_path: Path,
    name: str,
    label: str,
    *,
    task: Kind | None = None,
    learner: str | None = None,
    time: str | None = None,
    positive: str | None = None,
    parameters: Mapping[str, str] | None = None,
    trainer: str = TRAINERS[0],
    endpoint: str = ENDPOINTS[0],
    folder: Path = UP,
) -> Deployed:
    """Trains a model on the older 80 % of a labelled CSV (or .csv.gz), serves it, and adopts it with the newest 20 %.

    time: column of ISO dates; without it the hash of a row decides what is held out. task: found from the label when
    not given. positive: the class that is predicted. parameters: of Studio's training experiment.

    Raises:
        Problem: nothing runs, the file or a choice cannot be used; says what to do.
    """
    home = Home(folder)
    connection = home.connection()
    _check_name(name, home)
    _check_kinds(trainer, endpoint)
    content = _read(csv_path)
    kind = task or _task(content, label)
    chosen = _checked(kind, learner or DEFAULT_LEARNER, parameters or {})
    divided, extra, positives = _divide(csv_path, content, label, kind, time, positive)
    try:
        studio = StudioClient(connection.studio)
        scene = stage(
            studio,
            name,
            divided.train,
            task=kind,
            label=label,
            learner=chosen,
            metric=METRICS[kind],
            time=time,
            extra=extra,
            settle=running.SETTLE,
            parameters={**positives, **(parameters or {})},
            fresh=True,
        )
        scene = _moved(studio, scene, connection.storage, trainer, endpoint)
    except (StudioRefused, NotDeployed) as refused:
        raise Problem(f"the local services could not train or deploy {name}: {refused}") from refused
    finally:
        studio.close()
    home.add(scene.toml, scene.keys)
    adopted = _adopt(connection.retrain, name, divided)
    profile, live = divided.profile, scene.live["ApiLocation"]
    rows = profile.train_rows, profile.holdout_rows
    return Deployed(name, kind, chosen, *rows, adopted["baseline"], live, home.models)


def _check_kinds(trainer: str, endpoint: str) -> None:
    for given, kinds in ((trainer, TRAINERS), (endpoint, ENDPOINTS)):
        if given not in kinds:
            raise Problem(f"{given!r} is none of what can be deployed in one call: {', '.join(kinds)}")


def _moved(studio: StudioClient, scene: Scene, storage: str, trainer: str, endpoint: str) -> Scene:
    """The model that Studio (classic) trains and serves, at the services that were asked for."""
    if trainer == "data-factory":
        scene = through_factory(studio.url, storage, scene)
    return deployed_anew(studio, scene, storage) if endpoint == "studio-service" else scene


def _check_name(name: str, home: Home) -> None:
    if not NAME.fullmatch(name):
        raise Problem(f"{name!r} cannot be a model's name: use lowercase letters, digits and dashes, at most 63")
    if name in home.names():
        raise Problem(f"there is a model {name} already in {home.models}; choose another name")


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(f"{path} cannot be read: {error}") from error


def _task(content: bytes, label: str) -> Kind:
    """Two different labels are classes; numbers are to be predicted as numbers. Raises Problem for anything else."""
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", errors="replace")))
    if label not in (rows.fieldnames or []):
        raise Problem(f"there is no column {label!r}; the file has {', '.join(rows.fieldnames or []) or 'no columns'}")
    values = {row[label] or "" for row in rows} - {""}
    if len(values) == 2:
        return "classification"
    if all(number(value) is not None for value in values):
        return "regression"
    raise Problem(
        f"{label!r} has {len(values)} different values, some of which are no numbers: neither two classes nor a number "
        "to predict. Clean the column, or say with --task which is meant to see every line that is wrong"
    )


def _checked(kind: Kind, learner: str, parameters: Mapping[str, str]) -> str:
    if learner not in LEARNERS[kind]:
        raise Problem(f"{learner!r} is no learner for {kind}; there are {', '.join(LEARNERS[kind])}")
    if unknown := [name for name in parameters if name not in PARAMETERS]:
        raise Problem(f"{unknown[0]!r} is no parameter of a training experiment; there are {', '.join(PARAMETERS)}")
    return learner


def _divide(
    path: Path, content: bytes, label: str, kind: Kind, time: str | None, positive: str | None
) -> tuple[Divided, str, dict[str, str]]:
    """The file's parts; what configuration and training experiment are told of the positive class."""
    try:
        divided = adopting.divide(content, label=label, kind=kind, time=time)
        if kind == "regression":
            return divided, "", {}
        positive = positive_class(divided.profile.label.classes or (), positive)
    except BadData as bad:
        raise Problem(f"{path} cannot be used", details=bad.problems) from bad
    return divided, f"positive = {msgspec.json.encode(positive).decode()}", {"Positive Class": positive}


def _adopt(url: str, name: str, divided: Divided) -> dict[str, Any]:
    api = Api(url, "", "retrain studio deploy")
    try:
        _await(api, name)
        return adopting.adopt(api, name, divided)
    finally:
        api.close()


def _await(api: Api, name: str) -> None:
    """Waits until the app, restarted with the new keys, knows the model."""
    end = clock.monotonic() + RESTART
    while clock.monotonic() < end:
        try:
            if name in api.get("/api/health")["models"]:
                return
        except Problem:
            pass  # it is being restarted
        clock.sleep(0.2)
    raise Problem(f"{api.url} does not know {name} after {RESTART:.0f} s; look at the window of `make up`")
