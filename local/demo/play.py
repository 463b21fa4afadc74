"""The demo's frame: a folder of its own, the stack for as long as the story lasts, and the verdict at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import requests

from cli.problems import Problem
from local import bikes, running
from local.azurite import AzuriteError
from local.demo import opening
from local.demo.opening import Opening
from local.demo.story import Story, TooSlow
from local.demo.telling import Teller, console
from local.host.launch import HostError
from local.interrupts import Interrupted, Interrupts
from local.running import Ports
from local.services.launch import ServicesDidNotStart
from local.services.studio.client import StudioRefused
from local.stack import ROOT, Stack
from retrain.gate.rules import GateRules

FAILURES = (AzuriteError, HostError, ServicesDidNotStart, StudioRefused, Problem, TooSlow, requests.RequestException)
INTRODUCTION = (
    "New data lands, a new model is trained and judged against the live one, and goes live only when it is provably "
    "better. Here on hourly bike rentals in Washington, D.C. (UCI Bike Sharing, Fanaee-T and Gama 2013, CC BY 4.0): "
    "predict the rentals of an hour from weather and calendar."
)
METRIC = (
    "RMSE says by how many rentals an hour a model is typically wrong: less is better. Behind each gain stands the "
    f"interval in which it lies with {100 * GateRules(metric=bikes.METRIC).confidence:g} % confidence; only when all "
    "of that is above 0, or rows held out of earlier files help to show it, the new model counts as better."
)


def play(interrupts: Interrupts) -> int:
    """Tells the story; 0 when all of it held, 1 when not, and then its folder stays. Raises Interrupted."""
    begun = time.monotonic()
    teller = Teller(console())
    home = ROOT / ".local"
    home.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"demo-{os.getpid()}-", dir=home))
    try:
        problems = _tell(teller, folder, interrupts, begun)
    except Interrupted:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except FAILURES as error:
        problems = [str(error) or type(error).__name__]
    if not problems:
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    teller.heading("This did not hold:")
    for problem in problems:
        teller.say(problem, "red")
    teller.say(f"Logs and data are kept in {folder}")
    return 1


def _tell(teller: Teller, folder: Path, interrupts: Interrupts, begun: float) -> list[str]:
    teller.heading("Retrain, from the first file to the rollback")
    teller.say(INTRODUCTION)
    with teller.waiting("starting storage and Studio"), interrupts.held():
        stack, ports = running.start(folder, teller.say, workers=1)
    try:
        story = Story(_open(teller, stack, ports, interrupts, begun), teller)
        story.tell()
    finally:
        with teller.waiting("stopping everything"), interrupts.held():
            stack.close()
    if not story.broken:
        teller.say(
            f"All of it held: {len(story.rows)} files, {story.held} expectations, {time.monotonic() - begun:.0f} s. "
            "Nothing is left running.",
            "bold green",
        )
    return story.broken


def _open(teller: Teller, stack: Stack, ports: Ports, interrupts: Interrupts, begun: float) -> Opening:
    """The stack is introduced, the champion deployed and adopted."""
    with teller.waiting("training and deploying the first model"):
        divided = opening.first_months()
        scene = opening.deploy(stack, divided)
    with teller.waiting("starting Retrain"), interrupts.held():
        opened = opening.connect(stack, ports, scene, divided, teller.say)
    teller.say(f"Running after {time.monotonic() - begun:.1f} s, on 127.0.0.1 only:")
    teller.say(f"Retrain {opened.api.url}, Studio {stack.studio.url}, storage on port {stack.azurite.ports['blob']}")
    teller.heading(f"The champion: {bikes.LEARNER}, January to May 2011")
    with teller.waiting("adopting it"):
        adopted = opening.adopt(opened)
    baseline, profile = adopted["baseline"], divided.profile
    teller.say(
        f"trained on {profile.train_rows:,} rows and deployed; adopted as version 0, with RMSE {baseline['value']:.1f} "
        f"on the {baseline['rows']:,} newest rows, which it has not seen"
    )
    teller.say(METRIC)
    teller.say(
        f"A model that Studio was given answers {running.DELAY:g} s later (about 30 s at the real service), so each "
        "change is looked at until it shows."
    )
    return opened
