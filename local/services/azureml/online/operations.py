"""The life of changes: begun, carried out after their time, ended, taken up again after a restart.

What a change does is `provisioning`; which are begun at all is decided in `endpoints` and `deployments`.
"""

import asyncio
import logging
import time
from typing import Any

from aiohttp import web

from local.services.azureml.control.errors import wrong
from local.services.azureml.online.provisioning import perform, target_of
from local.services.azureml.online.records import ENDED, OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.azureml.records import MlWorkspace, guid
from local.services.engine.engine import Engine
from local.services.engine.errors import WireError

log = logging.getLogger(__name__)

RUN = "runonlineoperation"
"""The operation by which faults of changes under way are ordered; `endpoint` is the endpoint's or deployment's name."""
MOST_ENDED = 1000  # operations remembered after their end
UNDER_WAY = {"put": "Updating", "patch": "Updating", "delete": "Deleting"}
PREFIXES = {"endpoint": "oe", "deployment": "od"}
Target = OnlineEndpoint | OnlineDeployment


class Operations:
    """All changes of online endpoints in this process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.store = engine.store
        self._last: dict[str, asyncio.Task[None]] = {}  # by endpoint

    def resume(self) -> None:
        """Takes up what an earlier process left unfinished, in its order."""
        for operation in self.store.all(OnlineOperation):
            if operation.status not in ENDED:
                self._run(operation)

    def begin(self, endpoint: OnlineEndpoint, target: Target, verb: str, body: dict[str, Any]) -> OnlineOperation:
        """Keeps a change and starts it after those before it. Raises: WireError, 409 while another goes on."""
        self._check_idle(endpoint, target)
        workspace = self.store.get(MlWorkspace, endpoint.workspace)
        of = "endpoint" if isinstance(target, OnlineEndpoint) else "deployment"
        fresh = not target.operation
        operation = OnlineOperation(
            id=f"{PREFIXES[of]}:{workspace.guid}:{guid()}",
            created=time.time(),
            target=target.id,
            of=of,
            endpoint=endpoint.name,
            subscription=endpoint.scope.split("/")[2],
            location=endpoint.location,
            verb=verb,
            body=body,
            status="Creating" if fresh else UNDER_WAY[verb],
        )
        target.state, target.operation = operation.status, operation.id
        self.store.save(operation, endpoint, target)
        self._run(operation)
        ended = [one for one in self.store.all(OnlineOperation) if one.status in ENDED]
        self.store.delete(*ended[: max(0, len(ended) - MOST_ENDED)])
        return operation

    def _check_idle(self, endpoint: OnlineEndpoint, target: Target) -> None:
        rule = self.engine.switches["onlineBusy"]
        among = [] if rule == "queue" else [target] if rule == "resource" else self._all(endpoint, target)
        busy = next((one for one in among if self._under_way(one)), None)
        if busy is not None:
            raise wrong(
                409,
                f"There is already an operation in progress on {busy.name} ({busy.state}); wait for it to complete.",
                "ConflictError",
            )

    def _all(self, endpoint: OnlineEndpoint, target: Target) -> list[Target]:
        return [endpoint, target, *self.store.all(OnlineDeployment, endpoint=endpoint.id)]

    def _under_way(self, target: Target) -> bool:
        found = self.store.find(OnlineOperation, target.operation)
        return found is not None and found.status not in ENDED

    def _run(self, operation: OnlineOperation) -> None:
        before = self._last.get(operation.endpoint)
        self._last[operation.endpoint] = asyncio.create_task(self._perform(operation, before))

    async def _perform(self, operation: OnlineOperation, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        status = "Failed"
        try:
            await self._wait(operation)
            await perform(self.engine, operation)
            status = "Succeeded"
        except WireError as failed:
            operation.error = {"code": failed.code, "message": failed.message, "details": failed.details}
            status = "Canceled" if failed.code == "OperationCanceled" else status
        except Exception:
            log.exception("operation failed by a fault of the service operation=%s", operation.id)
            operation.error = {"code": "InternalServerError", "message": "An internal error occurred.", "details": []}
        self._end(operation, status)

    async def _wait(self, operation: OnlineOperation) -> None:
        """The time it takes; an injected fault makes it longer, or its end."""
        target = target_of(self.store, operation)
        fault = self.engine.faults.take(RUN, frozenset((operation.endpoint, target.name if target else "")))
        delay = self.engine.switches["onlineEndpointDelay" if operation.of == "endpoint" else "onlineDeploymentDelay"]
        await asyncio.sleep(delay + (fault.delay if fault else 0))
        if fault and (fault.message or not fault.delay):
            raise wrong(400, fault.message or "Injected fault.", fault.code or "InternalServerError")

    def _end(self, operation: OnlineOperation, status: str) -> None:
        operation.status, operation.ended = status, time.time()
        self.store.save(operation)
        target = target_of(self.store, operation)
        if target is not None:
            target.state = status
            self.store.save(target)
        log.info("operation %s %s %s", operation.status, operation.verb, operation.target)

    async def close(self) -> None:
        """Stops working; unfinished changes stay in the store as they are."""
        for task in self._last.values():
            task.cancel()
        await asyncio.gather(*self._last.values(), return_exceptions=True)


OPERATIONS: web.AppKey[Operations] = web.AppKey("online operations", Operations)
