"""Before anything lands: the stack runs, Studio serves a champion, Retrain has adopted it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cli.api import Api
from local import adopting, bikes, running
from local.adopting import Divided
from local.running import Ports, Say
from local.scenery import Scene, stage
from local.stack import Stack

QUICK = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:01"}
"""Messages of others are looked for every second; host.json says 10 s, which is kinder to a storage bill."""


@dataclass(frozen=True)
class Opening:
    """What the story plays on."""

    stack: Stack
    scene: Scene
    api: Api
    divided: Divided


def deploy(stack: Stack, divided: Divided) -> Scene:
    """The champion: trained on the older part of the first months, and deployed as a web service."""
    return stage(
        stack.client,
        bikes.NAME,
        divided.train,
        task="regression",
        label=bikes.LABEL,
        learner=bikes.LEARNER,
        metric=bikes.METRIC,
        time=bikes.TIME,
        settle=running.SETTLE,
        parameters=bikes.PARAMETERS,
    )


def first_months() -> Divided:
    """The months before the story, parted."""
    content = bikes.months(*bikes.FIRST).encode()
    return adopting.divide(content, label=bikes.LABEL, kind="regression", time=bikes.TIME)


def connect(stack: Stack, ports: Ports, scene: Scene, divided: Divided, say: Say) -> Opening:
    """Starts Retrain with this one model configured."""
    models = stack.folder / "models.toml"
    models.write_text(scene.toml, encoding="utf-8")
    settings = {**scene.keys, **QUICK, "RETRAIN_MODELS_FILE": str(models)}
    host = running.start_host(stack, settings, ports.host, say)
    return Opening(stack, scene, Api(host.url, "", "demo"), divided)


def adopt(opening: Opening) -> dict[str, Any]:
    """Has the live model adopted as version 0; what was recorded."""
    return adopting.adopt(opening.api, bikes.NAME, opening.divided)
