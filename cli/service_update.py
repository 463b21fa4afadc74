"""What `retrain service update` does with a "new" web service: send, follow, read back, score an example."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cli.problems import Problem, Usage
from cli.service import views
from retrain.errors import NotFound
from retrain.ports import JobState
from shared.services.credentials import Secret, reference_problem, secret
from shared.services.studio.web_services import VERSION, Studio
from shared.services.studio_service.definition import Definition
from shared.services.studio_service.files import changes, example, needed, patch_of, wrong
from shared.services.studio_service.management import Keys, Service, runtime_of, unshown

PATIENCE, PAUSE = 600.0, 1.0  # seconds until we stop following, and between two looks


def followed(
    service: Service, operation: str, what: str, otherwise: str, sleep: Callable[[float], None] = time.sleep
) -> str:
    """How a change that was accepted ended. Raises Problem: it did not succeed, or not within `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while (status := service.look(operation)).state is JobState.RUNNING:
        if time.monotonic() > until:
            raise Problem(f"{service.name}: not done after {PATIENCE:.0f} s; look again with `service get`")
        sleep(PAUSE)
    if status.state is not JobState.SUCCEEDED:
        raise Problem(f"{service.name}: {what} {status.state}, {otherwise}: {status.details}")
    return str(status.state)


class Update:
    """One definition for one web service."""

    def __init__(
        self,
        service: Service,
        wanted: Definition,
        *,
        put: bool,
        storage_key: str | None,
        plan: str | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises Problem: the definition cannot be sent. Usage: a secret that is no reference."""
        if bad := list(wrong(wanted)):
            raise Problem("the definition cannot be sent:", details=bad)
        if storage_key and (said := reference_problem("--storage-key", storage_key)):
            raise Usage(said)
        self._service, self._wanted, self._put, self._sleep = service, wanted, put, sleep
        self._storage_key, self._plan = secret(storage_key)() if storage_key else "", plan or ""
        self._live = self._find()

    def preview(self) -> dict[str, Any]:
        """What would change; no list of it when there is no service yet."""
        return {"dryRun": True, **self._about, "changes": self._changes()}

    def run(self) -> dict[str, Any]:
        """Does it. Raises Problem when the operation fails, or the service does not show what was sent."""
        before = self._changes()
        operation = self._service.update(self._method, self._body())
        state = followed(self._service, operation, "the update", "the old model goes on", self._sleep)
        found = self._service.get()
        models = {one.key: one for one in found.models()}
        for asset in self._wanted.models():
            shown = models.get(asset.key)
            if shown is None or shown.uri != asset.uri:
                told = f"{shown.uri if shown else 'nothing'} instead of {asset.uri}"
                raise Problem(f"{self._service.name} took the update, but for {asset.name!r} it shows {told}")
        done = {"created": self._live is None, "state": state, "changes": before, "models": views(models.values())}
        return {**self._about, **done, "example": self._score(found)}

    @property
    def _method(self) -> str:
        return "PUT" if self._put else "PATCH"

    @property
    def _about(self) -> dict[str, Any]:
        return {"method": self._method, "url": self._service.name}

    def _find(self) -> Definition | None:
        try:
            return self._service.get()
        except NotFound:
            if not self._put:
                raise
            return None

    def _changes(self) -> list[dict[str, Any]] | None:
        return None if self._live is None else changes(self._live, self._wanted, whole=self._put)

    def _body(self) -> dict[str, Any]:
        if not self._put:
            return patch_of(self._wanted)
        lacking = needed(self._wanted)
        given = unshown(self._keys(), self._storage_key, self._plan)
        for name, value in (("storageAccount", self._storage_key), ("commitmentPlan", self._plan)):
            if not value:  # what the file has stays
                del given[name]
        supplied = {"properties.storageAccount.key": self._storage_key, "properties.commitmentPlan.id": self._plan}
        if missing := [path for path in lacking if not supplied.get(path)]:
            advice = "give --storage-key env:NAME and --plan ID, or write them into the file"
            raise Problem(f"PUT needs what the definition has not: {', '.join(missing)}; {advice}")
        return self._wanted.put(given)

    def _keys(self) -> Keys | None:
        return None if self._live is None or self._wanted.value("properties", "keys") else self._service.keys()

    def _score(self, found: Definition) -> Any:
        body = example(found)
        if body is None:
            return None
        base, keys = runtime_of(found, self._service.http, self._service.name), self._service.keys()
        studio = Studio(self._service.http, Secret("listKeys", lambda: keys.primary or keys.secondary))
        url = f"{base}/execute?{VERSION}&details=true"
        return studio.call("POST", url, f"score the exampleRequest at {base}", body).json(dict[str, Any])["Results"]
