"""Web services of the "new" kind on the stand-in of Resource Manager, out of the world's experiments, and clients."""

from __future__ import annotations

import itertools
from typing import Any

from local.services.arm.client import PROVIDER, ArmClient
from retrain.ports import JobStatus, Slot
from shared.services.studio_service.endpoint import StudioService, StudioServiceSettings
from tests.waiting import awaited

from .world import World

_numbers = itertools.count(1)


class NewServices:
    """What the tests share: a definition, and how services and clients are made."""

    def __init__(self, world: World) -> None:
        self.world, self.studio, self.arm = world, world.studio, ArmClient(world.studio.url)
        self.definition = self.studio.export_definition(world.workspace, world.predictive)

    def token(self, scope: str) -> str:
        """As azure-identity would get one."""
        return self.arm.token(scope)

    def complete(self, **properties: Any) -> dict[str, Any]:
        """The definition with what must be added by hand."""
        return self.arm.complete(self.definition, self.world.storage, **properties)

    def deploy(self, body: dict[str, Any] | None = None) -> str:
        """A service; its address."""
        return self.arm.deploy(f"income{next(_numbers)}", body or self.complete())

    def get(self, url: str) -> dict[str, Any]:
        """A service as Resource Manager shows it."""
        return self.arm.get(url)

    def keys(self, url: str) -> dict[str, str]:
        """Its API keys."""
        return dict(self.arm.call("GET", f"{url}/listKeys").json())

    def patch(self, url: str, **properties: Any) -> None:
        """Changes a service behind the client's back."""
        assert self.arm.call("PATCH", url, {"properties": {"packageType": "Graph", **properties}}).ok
        self.arm.settled(url)

    def never(self) -> str:
        """The address of a service whose first deployment failed."""
        path = f"{PROVIDER}/webServices/never{next(_numbers)}"
        self.studio.fault("runoperation", message="no machines")
        assert self.arm.call("PUT", path, self.complete()).ok
        assert self.arm.settled(path) == "Failed"
        return self.studio.url + path

    def client(
        self, production: str, staging: str, env: dict[str, str] | None = None, **settings: Any
    ) -> StudioService:
        """A client for two services."""
        whole = StudioServiceSettings(production=production, staging=staging, **settings)
        return StudioService.of(whole, self.world.blobs, env or {}, token=self.token)


def ended(client: StudioService, slot: Slot, operation: str) -> JobStatus:
    """How a change ended."""
    return awaited(lambda: client.check(slot, operation))
