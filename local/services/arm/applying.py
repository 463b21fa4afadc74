"""What an operation does: reads a definition's blobs through the service's storage account, and puts it live."""

import time
from typing import Any

from local.services.arm.graph import Blob, blobs_of, graph_of
from local.services.arm.merging import patched, replaced
from local.services.arm.records import ServiceOperation, WebService
from local.services.engine.blobs import Unreachable
from local.services.engine.records import BlobReference, new_key
from local.services.studio.errors import error
from local.services.studio.records import NEW, Endpoint, Graph, Resource
from local.services.studio.services import DEFAULT_CALLS, LARGEST_MODEL, check_model
from local.services.studio.studio import Studio


async def apply(studio: Studio, service: WebService, operation: ServiceOperation) -> None:
    """Does what the operation is for. Raises: WireError; then nothing was changed."""
    if operation.verb == "delete":
        studio.jobs.forget(service.id)
        endpoint = studio.store.find(Endpoint, service.id)
        studio.store.delete(service, *([endpoint] if endpoint else []))
    elif operation.verb == "region":
        service.regions = sorted({*service.regions, operation.body["region"]})
        studio.store.save(service)
    else:
        await _deploy(studio, service, operation)


def definition_after(studio: Studio, service: WebService, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    """The definition that a body would lead to."""
    given = body.get("properties") or {}
    if verb == "put":
        return replaced(given)
    return patched(service.properties, given, payload=studio.switches["patchPayload"])


async def _deploy(studio: Studio, service: WebService, operation: ServiceOperation) -> None:
    properties = definition_after(studio, service, operation.verb, operation.body)
    given = operation.body.get("properties") or {}
    key = (given.get("storageAccount") or {}).get("key") or service.storage_key
    storage = studio.blobs.named(properties["storageAccount"]["name"], key)
    graph = graph_of(properties)
    resources = tuple([await _resource(studio, graph, storage, blob) for blob in blobs_of(properties)])
    service.properties, service.storage_key, service.modified = properties, key, time.time()
    service.tags = operation.body.get("tags") or service.tags
    service.location = operation.body.get("location") or service.location
    service.plan = (given.get("commitmentPlan") or {}).get("id") or service.plan
    _set_keys(studio, service, operation.verb, given.get("keys") or {})
    studio.store.save(service, _endpoint(service, graph, storage, tuple(filter(None, resources))))


async def _resource(studio: Studio, graph: Graph, storage: str, blob: Blob) -> Resource | None:
    try:
        reference = studio.blobs.within(storage, blob.uri)
        if not blob.is_model:
            await studio.blobs.check(reference)
            return None
        content = await studio.blobs.read(reference, LARGEST_MODEL)
    except Unreachable as failed:
        raise error("ResourceDownload", f"asset {blob.name!r} ({blob.uri.partition('?')[0]}): {failed}") from failed
    await studio.in_thread(check_model, studio, graph, content)
    place = BlobReference(connection_string=storage, relative_location=reference.relative_location)
    return Resource(name=blob.key, location=place, sha=studio.model_files.keep(content))


def _set_keys(studio: Studio, service: WebService, verb: str, given: dict[str, Any]) -> None:
    for name in ("primary", "secondary"):
        kept = getattr(service, name)
        if verb == "put" and not given.get(name) and studio.switches["putKeys"] == "generate":
            kept = ""
        setattr(service, name, given.get(name) or kept or new_key())


def _endpoint(service: WebService, graph: Graph, storage: str, resources: tuple[Resource, ...]) -> Endpoint:
    calls = (service.properties.get("realtimeConfiguration") or {}).get("maxConcurrentCalls")
    return Endpoint(
        id=service.id,
        created=service.created,
        workspace=service.subscription.replace("-", ""),
        service=service.id,
        name=service.name,
        description=service.properties.get("description"),
        primary=service.primary,
        secondary=service.secondary,
        throttle="High",
        max_calls=calls or DEFAULT_CALLS,
        graph=graph,
        resources=resources,
        realm=NEW,
        storage=storage,
    )
