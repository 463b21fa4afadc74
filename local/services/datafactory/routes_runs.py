"""Routes of runs: starting a pipeline, looking, asking for many, cancelling; and the address that webhooks call back.

Source: Data Factory REST API 2018-06-01.
"""

import hmac
import time
import uuid
from typing import Any

from aiohttp import web

from local.services.arm.errors import caller, operation, refused
from local.services.datafactory import queries
from local.services.datafactory.expressions import as_text
from local.services.datafactory.factories import Factories, factories_of
from local.services.datafactory.records import ENDED, FactoryActivity, FactoryRun, Json
from local.services.datafactory.routes_resources import ONE, not_there, there
from local.services.engine.answers import json_object, json_response
from local.services.engine.errors import WireError
from local.services.engine.records import wire_time


@operation("createfactoryrun")
async def create_run(request: web.Request) -> web.Response:
    """POST …/pipelines/{p}/createRun {parameters} → {"runId"}. `isRecovery` and its kind only group runs here."""
    factory, home, given = there(request), factories_of(request), await json_object(request)
    pipeline = home.item(factory.id, "pipelines", request.match_info["pipeline"])
    if pipeline is None:
        raise not_there("pipelines", request.match_info["pipeline"])
    before = _referenced(request, home, factory.id)
    run = FactoryRun(
        id=str(uuid.uuid4()),
        created=time.time(),
        factory=factory.id,
        pipeline=pipeline.path.rpartition("/")[2],
        definition=pipeline.properties,
        parameters=_parameters(home, pipeline.properties, given, before),
        variables={name: one.get("defaultValue") for name, one in (pipeline.properties.get("variables") or {}).items()},
        origin=str(request.url.origin()),
        invoked_by=caller(request).id,
        group_id=(before.group_id or before.id) if before else "",
    )
    home.runs.start(run)
    return json_response({"runId": run.id})


def _referenced(request: web.Request, home: Factories, factory: str) -> FactoryRun | None:
    ident = request.query.get("referencePipelineRunId")
    if not ident:
        return None
    found = home.run(factory, ident)
    if found is None:
        raise refused(
            400, "ReferencedPipelineRunNotValid", f"Referenced pipeline run id {ident} is not a valid run id."
        )
    return found


def _parameters(home: Factories, pipeline: Json, given: Json, before: FactoryRun | None) -> Json:
    """The values of a run: those given, those of the run it refers to, defaults. Raises: WireError, 400."""
    declared = pipeline.get("parameters") or {}
    unknown = sorted(given.keys() - declared.keys())
    if unknown and home.engine.switches["undeclaredParameters"] == "refuse":
        raise refused(400, "BadRequest", f"The pipeline has no parameter {', '.join(unknown)}.")
    defaults = {name: one["defaultValue"] for name, one in declared.items() if "defaultValue" in one}
    found = {**defaults, **(before.parameters if before else {}), **given}
    lacking = sorted(declared.keys() - found.keys())
    if lacking:
        raise refused(400, "BadRequest", f"The pipeline's parameter has no value and no default: {', '.join(lacking)}.")
    return {name: found[name] for name in declared}


@operation("getfactoryrun")
async def get_run(request: web.Request) -> web.Response:
    """GET …/pipelineruns/{id}."""
    return json_response(_run(_found(request)))


@operation("cancelfactoryrun")
async def cancel_run(request: web.Request) -> web.Response:
    """POST …/pipelineruns/{id}/cancel[?isRecursive=true]."""
    run, home = _found(request), factories_of(request)
    if run.status not in ENDED:
        home.runs.cancel(run)
    elif home.engine.switches["cancelEnded"] != 200:
        raise refused(400, "BadRequest", f"The pipeline run {run.id} cannot be cancelled: it is {run.status}.")
    return web.Response(status=200)


@operation("queryfactoryruns")
async def query_runs(request: web.Request) -> web.Response:
    """POST …/queryPipelineRuns: runs changed within a span of time, filtered, in pages."""
    factory, home, given = there(request), factories_of(request), await json_object(request)
    after, before = queries.moment(given, "lastUpdatedAfter"), queries.moment(given, "lastUpdatedBefore")
    seen = time.time() - home.engine.switches["queryLag"]
    rows = [
        run
        for run in home.engine.store.all(FactoryRun, factory=factory.id)
        if after <= run.updated <= before and run.created <= seen
    ]
    rows = queries.ordered(queries.filtered(rows, given, RUN_OPERANDS), given, RUN_OPERANDS)
    found, more = queries.page(rows, given, home.engine.switches["queryPageSize"])
    return json_response({"value": [_run(run) for run in found]} | ({"continuationToken": more} if more else {}))


@operation("queryfactoryactivities")
async def query_activities(request: web.Request) -> web.Response:
    """POST …/pipelineruns/{id}/queryActivityruns."""
    run, home, given = _found(request), factories_of(request), await json_object(request)
    after, before = queries.moment(given, "lastUpdatedAfter"), queries.moment(given, "lastUpdatedBefore")
    rows = [
        record
        for record in home.engine.store.all(FactoryActivity, run=run.id)
        if after <= (record.ended or time.time()) <= before
    ]
    rows = queries.ordered(queries.filtered(rows, given, ACTIVITY_OPERANDS), given, ACTIVITY_OPERANDS)
    found, more = queries.page(rows, given, home.engine.switches["queryPageSize"])
    shown = [_activity(run, record) for record in found]
    return json_response({"value": shown} | ({"continuationToken": more} if more else {}))


@operation("factorycallback")
async def callback(request: web.Request) -> web.Response:
    """POST /workflow/callback/{activity run}?token=…: what a WebHook activity waits for. Only the first one counts."""
    home, ident = factories_of(request), request.match_info["activityrun"]
    record = home.engine.store.find(FactoryActivity, ident)
    token = str(record.memory.get("token", "")) if record else ""
    if record is None or not token or not hmac.compare_digest(token, request.query.get("token", "")):
        raise refused(401, "Unauthorized", "The callback's address is not valid.")
    said = await json_object(request)
    if record.status in ENDED or "said" in record.memory:
        return json_response({"message": "it was called back before, or has ended"})
    record.memory["said"] = said
    home.engine.store.save(record)
    waiting = home.callbacks.get(ident)
    if waiting is not None and not waiting.done():
        waiting.set_result(said)
    return json_response({})


def _found(request: web.Request) -> FactoryRun:
    factory, ident = there(request), request.match_info["run"]
    found = factories_of(request).run(factory.id, ident)
    if found is None:
        raise _no_run(ident)
    return found


def _no_run(ident: str) -> WireError:
    return refused(404, "PipelineRunNotFound", f"The pipeline run with id {ident} was not found.")


def _run(run: FactoryRun) -> dict[str, Any]:
    return {
        "id": f"{run.factory}/pipelineruns/{run.id}",
        "runId": run.id,
        "runGroupId": run.group_id or run.id,
        "isLatest": True,
        "pipelineName": run.pipeline,
        "parameters": {name: as_text(value) for name, value in run.parameters.items()},
        "runDimensions": {},
        "invokedBy": {"id": run.invoked_by, "name": "Manual", "invokedByType": "Manual"},
        "lastUpdated": wire_time(run.updated),
        "runStart": _time(run.started or run.created),
        "runEnd": _time(run.ended),
        "durationInMs": _span(run.started or run.created, run.ended),
        "status": run.status,
        "message": run.message,
        "annotations": [],
    }


def _activity(run: FactoryRun, record: FactoryActivity) -> dict[str, Any]:
    policy = next((one.get("policy") or {} for one in run.definition["activities"] if one["name"] == record.name), {})
    none = {"errorCode": "", "message": "", "failureType": "", "target": record.name}
    return {
        "activityRunId": record.id,
        "activityName": record.name,
        "activityType": record.type,
        "pipelineName": run.pipeline,
        "pipelineRunId": run.id,
        "linkedServiceName": record.linked,
        "status": record.status,
        "activityRunStart": wire_time(record.created),
        "activityRunEnd": _time(record.ended),
        "durationInMs": _span(record.created, record.ended),
        "retryAttempt": record.attempt or None,
        "input": {} if policy.get("secureInput") else record.input or {},
        "output": {} if policy.get("secureOutput") else record.output or {},
        "error": record.error or none,
        "userProperties": {},
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else wire_time(seconds)


def _span(start: float, end: float | None) -> int | None:
    return None if end is None else round((end - start) * 1000)


RUN_OPERANDS: dict[str, Any] = {
    "pipelinename": lambda run: run.pipeline,
    "status": lambda run: run.status,
    "runstart": lambda run: _time(run.started or run.created),
    "runend": lambda run: _time(run.ended),
    "rungroupid": lambda run: run.group_id or run.id,
    "latestonly": lambda run: True,
}
ACTIVITY_OPERANDS: dict[str, Any] = {
    "activityname": lambda record: record.name,
    "activitytype": lambda record: record.type,
    "status": lambda record: record.status,
    "activityrunstart": lambda record: _time(record.created),
    "activityrunend": lambda record: _time(record.ended),
}
ROUTES = [
    web.post(ONE + "/{kind:(?i:pipelines)}/{pipeline}/{act:(?i:createRun)}", create_run),
    web.get(ONE + "/{kind:(?i:pipelineruns)}/{run}", get_run),
    web.post(ONE + "/{kind:(?i:pipelineruns)}/{run}/{act:(?i:cancel)}", cancel_run),
    web.post(ONE + "/{kind:(?i:pipelineruns)}/{run}/{act:(?i:queryActivityruns)}", query_activities),
    web.post(ONE + "/{act:(?i:queryPipelineRuns)}", query_runs),
    web.post("/workflow/callback/{activityrun}", callback),
]
