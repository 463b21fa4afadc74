"""The rules of "new" web services: which changes are begun, and which are refused at once."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from local.services.arm import checks
from local.services.arm.applying import definition_after
from local.services.arm.checks import check_location, invalid, place
from local.services.arm.errors import refused
from local.services.arm.merging import patched
from local.services.arm.operations import Operations
from local.services.arm.records import CommitmentPlan, ServiceOperation, WebService
from local.services.arm.schema import PAYLOAD
from local.services.engine.errors import WireError
from local.services.engine.records import new_id
from local.services.engine.store import Store

Json = dict[str, Any]


def not_found(name: str) -> WireError:
    """The 404 as it was recorded."""
    text = f"No Web Service could be found with the provided name: {name}."
    return refused(404, "NotFound", "The specified resource was not found.", ("WebServiceNotFound", text))


def within(store: Store, subscription: str, group: str | None) -> Iterator[WebService]:
    """The services of a subscription, or of one of its resource groups, oldest first."""
    for service in store.all(WebService, subscription=subscription.lower()):
        if group is None or service.resource_group.lower() == group.lower():
            yield service


def find(store: Store, subscription: str, group: str, name: str) -> WebService | None:
    """The service of that name, in whatever case."""
    return next((one for one in within(store, subscription, group) if one.name.lower() == name.lower()), None)


def put(operations: Operations, place_of: tuple[str, str, str], body: Json) -> tuple[bool, ServiceOperation]:
    """Creates or replaces; whether it is new, and the operation. Raises: WireError, 400 or 409."""
    subscription, group, name = place_of
    store = operations.studio.store
    present = find(store, *place_of)
    known = {"subscription": subscription.lower(), "resource_group": group, "name": name}
    service = present or WebService(id=new_id(), created=time.time(), location="", **known)
    _check_resource(body)
    service.location = service.location or body["location"]
    _check_put(operations, service, body)
    return present is None, _begun(operations, service, "put", body)


def _check_resource(body: Json) -> None:
    check_location("location", body.get("location"))
    if not isinstance(body.get("properties"), dict):
        raise invalid("MissingProperties", "properties is missing.")


def _check_put(operations: Operations, service: WebService, body: Json) -> None:
    properties = body["properties"]
    account = properties.get("storageAccount")
    if not isinstance(account, dict) or not account.get("name") or not account.get("key"):
        raise invalid("MissingStorageAccount", "storageAccount needs name and key; GET does not return the key.")
    _check_plan(operations, service, properties)
    _check_change(operations, service, "put", body)


def _check_plan(operations: Operations, service: WebService, properties: Json) -> None:
    plan = (properties.get("commitmentPlan") or {}).get("id")
    if not plan:
        raise invalid("MissingCommitmentPlan", "commitmentPlan.id is missing; GET does not return it.")
    if service.plan and service.plan.lower() != plan.lower():
        raise invalid("CannotChangeCommitmentPlan", "The commitment plan of a web service cannot be changed.")
    found = operations.studio.store.find(CommitmentPlan, plan.lower())
    if operations.studio.switches["planMustExist"] == "no":
        return
    if found is None:
        raise invalid("CommitmentPlanNotFound", f"There is no commitment plan {plan}.")
    if place(found.location) != place(service.location):
        raise invalid("CommitmentPlanLocation", f"The plan is in {found.location}, the service in {service.location}.")


def patch(operations: Operations, service: WebService, body: Json) -> ServiceOperation:
    """Changes what the body names. Raises: WireError, 400 or 409."""
    given = body.get("properties") or {}
    plan = (given.get("commitmentPlan") or {}).get("id") or service.plan
    if plan.lower() != service.plan.lower():
        raise invalid("CannotChangeCommitmentPlan", "The commitment plan of a web service cannot be changed.")
    if place(body.get("location") or service.location) != place(service.location):
        raise invalid("CannotChangeLocation", f"The web service is in {service.location}; it cannot be moved.")
    if not service.properties:
        raise refused(409, "Conflict", "The web service was never deployed; PUT it again.")
    _check_change(operations, service, "patch", body)
    return _begun(operations, service, "patch", body)


def _check_change(operations: Operations, service: WebService, verb: str, body: Json) -> None:
    if service.properties.get("readOnly"):
        raise invalid("WebServiceReadOnly", "The web service is read-only: it cannot be changed, only removed.")
    _check_free(operations, service)
    properties = definition_after(operations.studio, service, verb, body)
    name, now = (properties.get("storageAccount") or {}).get("name"), _account(service)
    if now and str(name).lower() != now.lower():
        text = f"The StorageAccount cannot be changed. Currently configured storage account name = '{now}'."
        raise invalid("CannotChangeStorageAccount", text)
    payload = {member: properties.get(member) for member in PAYLOAD}
    if len(msgspec.json.encode(payload)) > checks.LARGEST:
        raise invalid("PayloadTooLarge", "Payloads of more than 3 MB, which lie in a blob, are not offered here.")
    checks.check(properties)


def _account(service: WebService) -> str:
    return str((service.properties.get("storageAccount") or {}).get("name") or "")


def _check_free(operations: Operations, service: WebService) -> None:
    if operations.studio.switches["whileProvisioning"] == "refuse" and operations.busy(service.id):
        raise refused(409, "Conflict", "Another operation on this web service is in progress; try again later.")


def remove(operations: Operations, service: WebService) -> ServiceOperation:
    """Begins to remove it. Raises: WireError, 409."""
    _check_free(operations, service)
    return _begun(operations, service, "delete", {})


def copy_to(operations: Operations, service: WebService, region: str) -> ServiceOperation:
    """Begins to copy its blobs to another region. Raises: WireError, 400."""
    check_location("region", region)
    return _begun(operations, service, "region", {"region": place(region)})


def _begun(operations: Operations, service: WebService, verb: str, body: Json) -> ServiceOperation:
    operation = ServiceOperation(
        id=new_id(),
        created=time.time(),
        subscription=service.subscription,
        location=service.location,
        service=service.id,
        verb=verb,
        body=body,
    )
    operations.begin(operation, service)
    return operation


def failed_definition(operations: Operations, service: WebService) -> Json | None:
    """What the last change was to deploy, when it failed and the switch wants that to be shown."""
    if operations.studio.switches["failedDefinition"] == "old" or service.state != "Failed":
        return None
    last = list(operations.studio.store.all(ServiceOperation, service=service.id))[-1:]
    given = last[0].body.get("properties") if last and last[0].verb in ("put", "patch") else None
    return patched(service.properties, given, payload="replace") if given else None
