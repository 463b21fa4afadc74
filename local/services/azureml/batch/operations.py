"""Changes of batch endpoints and deployments: begun, and how they are followed."""

import time

from aiohttp import web

from local.services.azureml.batch.records import BatchDeployment, BatchEndpoint, BatchOperation
from local.services.azureml.control.control import Json
from local.services.azureml.records import MlWorkspace, guid
from local.services.engine.engine import Engine
from local.services.engine.records import wire_time

RUN = "runbatchoperation"
"""The operation by which faults of changes are ordered; the endpoint is the name of what is changed."""
MOST = 1000  # operations remembered
Changed = BatchEndpoint | BatchDeployment


def begin(engine: Engine, workspace: MlWorkspace, changed: Changed, verb: str) -> BatchOperation:
    """Keeps a new change; an injected fault makes it longer, or its end."""
    fault = engine.faults.take(RUN, frozenset((changed.name,)))
    failed = fault and (fault.message or not fault.delay)
    now = time.time()
    kind = "be" if isinstance(changed, BatchEndpoint) else "bd"
    begun = BatchOperation(
        id=f"{kind}:{workspace.guid}:{guid()}",
        created=now,
        subscription=workspace.scope.split("/")[2],
        location=workspace.location,
        verb=verb,
        ends=now + engine.switches["batchDelay"] + (fault.delay if fault else 0),
        error=(fault.message or "Injected fault.") if fault and failed else None,
    )
    changed.operation = begun.id
    known = list(engine.store.all(BatchOperation))
    engine.store.delete(*known[: max(0, len(known) - MOST)])
    engine.store.save(begun)
    return begun


def state(engine: Engine, changed: Changed) -> str:
    """`provisioningState`."""
    found = engine.store.find(BatchOperation, changed.operation)
    return found.status if found else "Succeeded"


def address(request: web.Request, operation: BatchOperation, kind: str) -> str:
    """Where the change is followed: `mfeOperationsStatus` or `mfeOperationResults`."""
    provider = f"/subscriptions/{operation.subscription}/providers/Microsoft.MachineLearningServices"
    where = f"{provider}/locations/{operation.location}/{kind}/{operation.id}"
    return f"{request.url.origin()}{where}?api-version={request.query['api-version']}"


def shown(operation: BatchOperation) -> Json:
    """How far a change is."""
    done = operation.status in ("Succeeded", "Failed")
    found: Json = {
        "id": operation.id,
        "name": operation.id,
        "status": operation.status,
        "startTime": wire_time(operation.created),
        "percentComplete": 100.0 if done else 0.0,
    }
    if done:
        found["endTime"] = wire_time(operation.ends)
    if operation.status == "Failed":
        found["error"] = {"code": "BadArgument", "message": operation.error}
    return found
