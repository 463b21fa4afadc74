"""The life of operations: begun, done one after another for each service, ended, taken up again after a restart."""

import asyncio
import logging
import time
from typing import Any

from aiohttp import web

from local.services.arm.applying import apply
from local.services.arm.records import ServiceOperation, WebService
from local.services.engine.errors import WireError
from local.services.studio.studio import STUDIO, Studio

log = logging.getLogger(__name__)

RUN = "runoperation"
"""The operation by which faults of changes under way are ordered."""
MOST_ENDED = 1000  # operations remembered after their end


class Operations:
    """All operations of this process."""

    def __init__(self, app: web.Application) -> None:
        self._app = app  # Studio is found in it once all services are installed
        self._last: dict[str, asyncio.Task[None]] = {}

    @property
    def studio(self) -> Studio:
        """The runtime that serves what is deployed here."""
        return self._app[STUDIO]

    def resume(self) -> None:
        """Takes up what an earlier process left unfinished, in its order."""
        for operation in self.studio.store.all(ServiceOperation):
            if operation.ended is None:
                log.info("operation taken up again after a restart operation=%s", operation.id)
                self._run(operation)

    def begin(self, operation: ServiceOperation, service: WebService) -> None:
        """Keeps the operation and starts it, after those that the service waits for."""
        service.state = "Provisioning"
        self.studio.store.save(operation, service)
        self._run(operation)
        ended = [one for one in self.studio.store.all(ServiceOperation) if one.ended is not None]
        self.studio.store.delete(*ended[: max(0, len(ended) - MOST_ENDED)])

    def busy(self, service: str) -> bool:
        """Whether something is under way."""
        return service in self._last and not self._last[service].done()

    def _run(self, operation: ServiceOperation) -> None:
        before = self._last.get(operation.service)
        self._last[operation.service] = asyncio.create_task(self._perform(operation, before))

    async def _perform(self, operation: ServiceOperation, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        service = self.studio.store.find(WebService, operation.service)
        try:
            if service is None:
                raise WireError(404, "NotFound", "The web service was deleted meanwhile.")
            await self._do(operation, service)
        except WireError as failed:
            operation.error = error_info(failed)
        except Exception:
            log.exception("operation failed by a fault of the service operation=%s", operation.id)
            operation.error = {"code": "InternalServerError", "message": "An internal error occurred.", "details": []}
        self._end(operation, service)

    async def _do(self, operation: ServiceOperation, service: WebService) -> None:
        fault = self.studio.faults.take(RUN, frozenset((service.id, service.name)))
        await asyncio.sleep(self.studio.switches["operationDelay"] + (fault.delay if fault else 0))
        if fault and (fault.message or not fault.delay):
            raise WireError(400, fault.code or "InternalServerError", fault.message or "Injected fault.")
        await apply(self.studio, service, operation)

    def _end(self, operation: ServiceOperation, service: WebService | None) -> None:
        operation.status, operation.ended = "Failed" if operation.error else "Succeeded", time.time()
        store = self.studio.store
        store.save(operation)
        if service is not None and store.find(WebService, service.id) is service:
            service.state = operation.status
            store.save(service)
        log.info("operation %s %s service=%s", operation.status, operation.verb, operation.service)

    async def close(self) -> None:
        """Stops working; unfinished operations stay in the store as they are."""
        for task in self._last.values():
            task.cancel()
        await asyncio.gather(*self._last.values(), return_exceptions=True)


def error_info(failed: WireError) -> dict[str, Any]:
    """`errorInfo` of an operation."""
    return {"code": failed.code, "target": None, "message": failed.message, "details": failed.details}


OPERATIONS: web.AppKey[Operations] = web.AppKey("operations", Operations)
