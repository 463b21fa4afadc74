"""A world: a storage account of its own, a model served by the local Studio, and the app, driven as users drive it.

With `start` the app runs in the local Functions host; without it, `pump` hands queue messages to the domain in this
process, one at a time, so that a test decides what is delivered when, and how often.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.host.launch import HostProcess
from local.scenery import Scene, stage
from local.stack import ROOT, Stack
from retrain import adoption, advance, landing, paths, production
from retrain.data.quality.settings import RULES
from retrain.messages import EVALUATION_QUEUE, TRAINING_QUEUE, Settle, step_or_settle
from retrain.ports import Ports
from retrain.run import ENDED, Actor, Run, State
from shared.services.credentials import identity_token
from shared.wiring import wire
from tests.app import bikes

TESTER = Actor(kind="person", id="tester")
_names = itertools.count()
CALM = 'trusted_rule = "lenient"\ntrusted_margin = 1\nmin_skill = -0.9\ncollapse = 1.5'
"""A gate for which a season is no contradiction, as it is for a linear model of a few months; labels that are upside
down are."""
QUIET = ", ".join(f'{rule} = "off"' for rule in RULES)
RIDGE = {"task": "regression", "label": "cnt", "learner": "ridge", "metric": "rmse", "time": "day", "gate": CALM}


class World:
    """See the module. `champion` is the CSV that the live model is trained on; in a `quiet` world intake has nothing to
    say; further options go to `stage`."""

    def __init__(
        self, stack: Stack, storage: str, folder: Path, *, champion: str = "", quiet: bool = False, **options: Any
    ) -> None:
        self.stack, self.storage, self.folder, self.quiet = stack, storage, folder, quiet
        self.studio = stack.client
        self.name = f"bikes-{id(stack) % 10_000}-{next(_names)}"
        self.first = champion or bikes.months("2011-01", "2011-02")
        self.scenes: dict[str, Scene] = {}
        self.add(self.name, self.first, **options)
        self.blobs = BlobServiceClient.from_connection_string(storage)
        self.queues = QueueServiceClient.from_connection_string(storage)
        self.host: HostProcess | None = None
        self.missing: set[str] = set()
        self.moved = timedelta()
        self._ports: Ports | None = None

    def add(self, name: str, champion: str, **options: Any) -> Scene:
        """One more model that is served."""
        given = {**RIDGE, "settle": 0, **options}
        self.scenes[name] = stage(self.studio, name, champion, **given)
        self.configure()
        return self.scenes[name]

    def configure(self, *changes: tuple[str, str]) -> None:
        """Writes the configuration; each of `changes` replaces one text in it by another."""
        text = "".join(scene.toml for scene in self.scenes.values())
        text += "".join(f"[models.{name}.intake]\nseverity = {{ {QUIET} }}\n" for name in self.scenes if self.quiet)
        for old, new in changes:
            text = text.replace(old, new)
        (self.folder / "models.toml").write_text(text)
        self._ports = None

    @property
    def settings(self) -> dict[str, str]:
        """The app's settings."""
        keys = {key: value for scene in self.scenes.values() for key, value in scene.keys.items()}
        models = str(self.folder / "models.toml")
        ours = {"AzureWebJobsStorage": self.storage, "RETRAIN_CALLBACK_HOSTS": "127.0.0.1", **self.stack.identity}
        given = {**ours, "RETRAIN_MODELS_FILE": models, **keys}
        return {name: value for name, value in given.items() if name not in self.missing}

    def without(self, *names: str) -> None:
        """Takes settings away."""
        self.missing.update(names)
        self._ports = None

    def start(self, *, settings: dict[str, str] | None = None, events: bool = True, **options: Any) -> HostProcess:
        """Starts the app in the local Functions host."""
        extra = {
            "RETRAIN_BLOB_SOURCE": "EventGrid" if events else "Polling",
            "RETRAIN_TICK": "0 0 0 1 1 *",
            "AzureWebJobsDisableHomepage": "true",
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
        }
        log = self.stack.access_log if events else None
        given = {**self.settings, **extra, **(settings or {})}
        bookmark = ("--event-grid-bookmark", str(self.folder / "events.bookmark")) if events else ()
        options["arguments"] = (*bookmark, *options.pop("arguments", ()))
        self.host = HostProcess(ROOT, given, 0, log, options.pop("hide_time", 2), **options)
        return self.host

    def close(self) -> None:
        """Stops what this world started."""
        if self.host is not None:
            self.host.stop()
        self.blobs.close()
        self.queues.close()

    # Over HTTP

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Calls the app."""
        assert self.host is not None
        return requests.request(method, f"{self.host.url}/api/{path}", json=body, headers=headers, timeout=60)

    def runs(self, name: str = "") -> list[dict[str, Any]]:
        """The runs of the model, newest first."""
        found: list[dict[str, Any]] = self.call("GET", f"models/{name or self.name}/runs").json()["runs"]
        return found

    def wait(self, count: int = 1, *, name: str = "", seconds: float = 60, until: str = "") -> list[dict[str, Any]]:
        """Waits until there are so many runs and all have ended (or are in state `until`), oldest first."""
        stop = time.monotonic() + seconds
        done = {until} if until else {*ENDED, State.PARKED, State.AWAITING_APPROVAL}
        while True:
            found = self.runs(name)
            if len(found) >= count and all(run["state"] in done for run in found):
                return found[::-1]
            if time.monotonic() > stop:
                states = [(run["state"], run.get("why")) for run in found]
                log = self.host.log_text()[-4000:] if self.host else ""
                raise AssertionError(f"after {seconds} s: {states}\n{log}")
            time.sleep(0.1)

    # Storage

    def put(self, path: str, content: str | bytes, container: str = "training-data") -> str:
        """Uploads a file as a producer with storage rights would; its `container/name`."""
        self.blobs.get_blob_client(container, path).upload_blob(content, overwrite=True)
        return f"{container}/{path}"

    def drop(self, file: str, content: str | bytes, name: str = "") -> str:
        """Uploads training data of the model."""
        return self.put(f"{paths.place(name or self.name)}/{file}", content)

    def names(self, container: str, prefix: str = "") -> list[str]:
        """What a container holds."""
        client = self.blobs.get_container_client(container)
        return sorted(client.list_blob_names(name_starts_with=prefix))

    def read(self, blob: str) -> bytes:
        """A blob's content."""
        container, _, path = blob.partition("/")
        return self.blobs.get_blob_client(container, path).download_blob().readall()

    def keep_secret(self, name: str, value: str) -> None:
        """Puts a secret into the vault."""
        headers = {"Authorization": f"Bearer {identity_token('https://vault.azure.net/.default')}"}
        url = f"{self.stack.identity['KEY_VAULT_URL']}/secrets/{name}?api-version=7.4"
        requests.put(url, json={"value": value}, headers=headers, timeout=30).raise_for_status()

    # In this process

    @property
    def ports(self) -> Ports:
        """The app's ports, with a clock that `later` moves."""
        if self._ports is None:
            self._ports = replace(wire(self.settings), now=lambda: datetime.now(UTC) + self.moved)
        return self._ports

    def adopt(self, name: str = "", **options: Any) -> adoption.Adopted:
        """Adopts the live model, which was trained on `first`, with March 2011 as the labelled holdout unless another
        `march` is given."""
        name = name or self.name
        place = paths.place(name)
        march = options.pop("march", "") or bikes.months("2011-03")
        holdout = self.put(f"{place}/holdout.csv", march, "history")
        data = self.put(f"{place}/first.csv", self.first, "history")
        return adoption.adopt(name, holdout, self.ports, **{"data": [data], "actor": TESTER, **options})

    def land(self, file: str, content: str | bytes, name: str = "") -> Run:
        """Training data lands; its run is added and its first message sent."""
        run = landing.land(self.drop(file, content, name), self.ports)
        assert run is not None
        landing.start(run, self.ports)
        return run

    def later(self, **delta: float) -> None:
        """Moves the app's clock (not Azure's) forward."""
        self.moved += timedelta(**delta)

    def take_step(self, run: Run) -> Run:
        """One step of a run, saved, without any message: what is left when a host is killed there."""
        now = self.ports.ledger.run(run.id)
        advance.save(now, advance.take(now, self.ports), self.ports)
        return self.ports.ledger.run(run.id)

    def steps_until(self, run: Run, state: State) -> Run:
        """Such steps until the run is in a state."""
        while (now := self.ports.ledger.run(run.id)).state is not state:
            self.take_step(run)
            time.sleep(0.05)
        return now

    def pump(self, rounds: int = 200, *, patient: bool = True) -> int:
        """Delivers messages until none is left, hidden ones as well when `patient`; how many were delivered."""
        return sum(1 for _ in itertools.takewhile(bool, (self.deliver(patient=patient) for _ in range(rounds))))

    def deliver(self, *, patient: bool = True) -> bool:
        """Delivers one message of the internal queues; False when there is none."""
        for queue in (TRAINING_QUEUE, EVALUATION_QUEUE):
            message = self._take(queue)
            if message is not None:
                self.hand(queue, message.content, message.dequeue_count > 1)
                self.queues.get_queue_client(queue).delete_message(message)
                return True
        if patient and self._waiting():
            time.sleep(0.25)  # messages are hidden for whole seconds, and every look costs four calls
            return True
        return False

    def hand(self, queue: str, content: str, redelivered: bool = False) -> None:
        """Delivers this message now."""
        message = step_or_settle(content)
        if isinstance(message, Settle):
            production.settle(message, self.ports)
        else:
            advance.receive(message, self.ports, queue=queue, redelivered=redelivered)

    def _take(self, queue: str) -> Any:
        try:
            return self.queues.get_queue_client(queue).receive_message(visibility_timeout=2)
        except ResourceNotFoundError:
            return None

    def _waiting(self) -> bool:
        clients = [self.queues.get_queue_client(name) for name in (TRAINING_QUEUE, EVALUATION_QUEUE)]
        return any((client.get_queue_properties().approximate_message_count or 0) > 0 for client in clients)

    def finish(self, run: Run) -> Run:
        """Pumps until the run sleeps; returns it."""
        stop = time.monotonic() + 60
        while (now := self.ports.ledger.run(run.id)).state not in advance.ASLEEP:
            if time.monotonic() > stop or not self.deliver():
                raise AssertionError(f"it stands still, or has no message left: {now}")
        return now

    def patches(self, slot: str = "live", name: str = "") -> list[dict[str, Any]]:
        """The PATCH requests that Studio saw for a slot of the model."""
        url = self.scenes[name or self.name].patch_url.removesuffix("live") + slot
        return [seen for seen in self.studio.log() if seen["method"] == "PATCH" and url.endswith(seen["path"])]

    def patch_live(self, blob: str) -> None:
        """Puts a model behind the live endpoint, as somebody would who does not ask Retrain."""
        self.patch(blob, "live")

    def patch(self, blob: str, endpoint: str) -> None:
        """Puts a model behind an endpoint."""
        scene = self.scenes[self.name]
        resource = self.studio.get_endpoint(scene.workspace, scene.service, endpoint)["Resources"][0]
        base, _, token = self.ports.blobs.sign(blob, "r", timedelta(hours=1)).partition("?")
        container = blob.partition("/")[0]
        account, _, path = base.partition(f"/{container}/")
        location = {
            "BaseLocation": f"{account}/",
            "RelativeLocation": f"{container}/{path}",
            "SasBlobToken": f"?{token}",
        }
        self.studio.patch_endpoint(scene.workspace, scene.service, endpoint, resource["Name"], location)

    def decision(self, run: Run) -> Any:
        """The gate's whole decision."""
        assert run.verdict is not None
        return msgspec.json.decode(self.read(run.verdict.blob))
