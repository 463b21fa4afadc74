"""Commitment plans, which every "new" web service needs: PUT, GET, DELETE and lists, at their own api-version."""

import time
from typing import Any

from aiohttp import web

from local.services.arm.checks import check_location, invalid
from local.services.arm.errors import caller, operation, refused
from local.services.arm.paths import GROUP, PROVIDER, SUBSCRIPTION, version_of
from local.services.arm.records import CommitmentPlan
from local.services.arm.schema import PREVIEW
from local.services.engine.answers import json_object, json_response
from local.services.engine.engine import engine_of
from local.services.engine.records import new_id, wire_time

LIST = GROUP + PROVIDER + "/{kind:(?i:commitmentPlans)}"
BASE = LIST + "/{plan}"


def _id(request: web.Request) -> str:
    at = request.match_info
    group = f"/subscriptions/{at['subscription']}/resourceGroups/{at['group']}"
    return f"{group}/providers/Microsoft.MachineLearning/commitmentPlans/{at['plan']}"


def _plan(request: web.Request) -> CommitmentPlan:
    caller(request)
    version_of(request, "commitmentPlans", (PREVIEW,))
    found = engine_of(request).store.find(CommitmentPlan, _id(request).lower())
    if found is None:
        name = request.match_info["plan"]
        text = f"No Commitment Plan could be found with the provided name: {name}."
        raise refused(404, "NotFound", "The specified resource was not found.", ("CommitmentPlanNotFound", text))
    return found


def _shown(plan: CommitmentPlan) -> dict[str, Any]:
    group = f"/subscriptions/{plan.subscription}/resourceGroups/{plan.resource_group}"
    return {
        "id": f"{group}/providers/Microsoft.MachineLearning/commitmentPlans/{plan.name}",
        "name": plan.name,
        "type": "Microsoft.MachineLearning/commitmentPlans",
        "location": plan.location,
        "tags": plan.tags,
        "etag": plan.etag,
        "sku": plan.sku,
        "properties": {
            "chargeForOverage": False,
            "chargeForPlan": False,
            "creationDate": wire_time(plan.created),
            "includedQuantities": {"transactions": {"allowance": 100_000, "amount": 100_000}},
            "maxAssociationLimit": 10_000,
            "maxCapacityLimit": 1,
            "minCapacityLimit": 1,
            "planMeter": plan.sku["name"],
            "refillFrequencyInDays": 30,
            "suspendPlanOnOverage": False,
        },
    }


@operation("putplan")
async def put_plan(request: web.Request) -> web.Response:
    """PUT commitmentPlans/{name}: creates it, or changes its tier and tags."""
    caller(request)
    version_of(request, "commitmentPlans", (PREVIEW,))
    body, store = await json_object(request), engine_of(request).store
    sku = body.get("sku") or {}
    if not isinstance(sku, dict) or not sku.get("name"):
        raise invalid("MissingSku", "sku.name is missing, such as S1.")
    check_location("location", body.get("location"))
    present = store.find(CommitmentPlan, _id(request).lower())
    plan = CommitmentPlan(
        id=_id(request).lower(),
        created=present.created if present else time.time(),
        subscription=request.match_info["subscription"].lower(),
        resource_group=request.match_info["group"],
        name=request.match_info["plan"],
        location=body["location"],
        sku={"capacity": 1, **sku},
        tags=body.get("tags") or {},
        etag=new_id(),
    )
    store.save(plan)
    return json_response(_shown(plan))


@operation("getplan")
async def get_plan(request: web.Request) -> web.Response:
    """GET commitmentPlans/{name}."""
    return json_response(_shown(_plan(request)))


@operation("deleteplan")
async def delete_plan(request: web.Request) -> web.Response:
    """DELETE commitmentPlans/{name}."""
    engine_of(request).store.delete(_plan(request))
    return web.Response(status=200)


@operation("listplans")
async def list_plans(request: web.Request) -> web.Response:
    """GET commitmentPlans: those of a resource group, or of the subscription."""
    caller(request)
    version_of(request, "commitmentPlans", (PREVIEW,))
    at = request.match_info
    found = engine_of(request).store.all(CommitmentPlan, subscription=at["subscription"].lower())
    group = at.get("group", "").lower()
    return json_response({"value": [_shown(one) for one in found if group in ("", one.resource_group.lower())]})


ROUTES = [
    web.put(BASE, put_plan),
    web.get(BASE, get_plan),
    web.delete(BASE, delete_plan),
    web.get(LIST, list_plans),
    web.get(SUBSCRIPTION + PROVIDER + "/{kind:(?i:commitmentPlans)}", list_plans),
]
