"""One attempt of an activity: its properties evaluated, its work done within its time, its end on record."""

import asyncio
import logging
import re
import time
from typing import Any

from local.services.datafactory.activities import KINDS
from local.services.datafactory.doing import Doing
from local.services.datafactory.expressions import FUNCTIONS, BadExpression, evaluated
from local.services.datafactory.failures import BAD_TEMPLATE, TIMED_OUT, WRONG_LINKED, ActivityFailed
from local.services.datafactory.records import (
    CANCELING,
    CANCELLED,
    FAILED,
    SUCCEEDED,
    FactoryActivity,
    FactoryRun,
    Json,
)
from local.services.datafactory.secrets import masked
from local.services.engine.records import wire_time

log = logging.getLogger(__name__)

ACTIVITY = "runactivity"
"""The operation by which faults of activities are ordered."""
_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?")


def seconds(span: str) -> float:
    """A TimeSpan, `[d.]hh:mm:ss`. Raises: ValueError."""
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError(f"{span!r} is not a time span such as 0.12:00:00")
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def allowance(definition: Json) -> float:
    """Seconds that an attempt may take: twelve hours by default; ten minutes of a WebHook."""
    properties = definition.get("typeProperties") or {}
    given = (definition.get("policy") or {}).get("timeout")
    if definition.get("type") == "WebHook":
        given = properties.get("timeout") or "00:10:00"
    return seconds(str(given or "0.12:00:00"))


async def attempt(doing: Doing) -> str:
    """Does it; how it ended, which is on record then. When the server stops amid its work it stays as it is."""
    record, kind = doing.record, KINDS[doing.record.type]
    try:
        async with asyncio.timeout(max(0.0, record.created + allowance(doing.definition) - time.time())):
            output = await _done(doing)
        return _end(doing, SUCCEEDED, output=output)
    except TimeoutError:
        await _stopped(doing)
        span = allowance(doing.definition)
        return _fail(doing, ActivityFailed(TIMED_OUT, f"The activity was not done within its time, {span:g} s."))
    except ActivityFailed as failed:
        return _fail(doing, failed)
    except BadExpression as wrong:
        return _fail(doing, ActivityFailed(BAD_TEMPLATE, f"The template is not valid: {wrong}."))
    except asyncio.CancelledError:
        if doing.run.status != CANCELING:
            raise
        return await let_go(doing)
    except Exception:
        log.exception("activity failed by a fault of the service kind=%s run=%s", kind, doing.run.id)
        return _fail(doing, ActivityFailed("500", "An internal error of the factory.", "SystemError"))


async def let_go(doing: Doing) -> str:
    """Stops what the attempt began elsewhere, and ends it as cancelled."""
    await _stopped(doing)
    return _end(doing, CANCELLED)


async def _done(doing: Doing) -> Any:
    record, kind = doing.record, KINDS[doing.record.type]
    engine = doing.home.engine
    fault = engine.faults.take(ACTIVITY, frozenset((record.name, record.type, doing.run.pipeline)))
    if fault is not None:
        await asyncio.sleep(fault.delay)
        if fault.message or not fault.delay:
            raise ActivityFailed(fault.code or "InjectedFault", fault.message or "Injected fault.")
    functions = {**FUNCTIONS, **_facts(doing)}
    doing.properties = evaluated(doing.definition.get("typeProperties") or {}, functions)
    record.input = masked(doing.properties)
    engine.store.save(record)
    if kind.linked:
        found, _ = doing.linked(doing.definition.get("linkedServiceName"))
        if found != kind.linked:
            why = f"The linked service type '{found}' is not supported for '{record.type}' activities."
            raise ActivityFailed(WRONG_LINKED, why)
    return await kind.do(doing)


async def _stopped(doing: Doing) -> None:
    """Ends what it began elsewhere, as far as that can be reached."""
    try:
        async with asyncio.timeout(10):
            await KINDS[doing.record.type].stop(doing)
    except (ActivityFailed, TimeoutError) as failed:
        log.warning("an activity could not be stopped at its service run=%s: %s", doing.run.id, failed)


def _facts(doing: Doing) -> dict[str, Any]:
    run, store = doing.run, doing.home.engine.store
    known = {record.name: record for record in store.all(FactoryActivity, run=run.id)}
    pipeline = {
        "parameters": run.parameters,
        "RunId": run.id,
        "Pipeline": run.pipeline,
        "DataFactory": run.factory.rpartition("/")[2],
        "GroupId": run.group_id or run.id,
        "TriggerType": "Manual",
        "TriggerName": run.invoked_by,
        "TriggerTime": wire_time(run.created),
        "globalParameters": {},
    }
    return {
        "pipeline": lambda: pipeline,
        "variables": lambda name: run.variables[name],
        "activity": lambda name: _shown(known[name]),
    }


def _shown(record: FactoryActivity) -> Json:
    return {"output": record.output or {}, "error": record.error, "Status": record.status}


def _fail(doing: Doing, failed: ActivityFailed) -> str:
    error = {
        "errorCode": failed.code,
        "message": failed.message,
        "failureType": failed.kind,
        "target": doing.record.name,
    }
    return _end(doing, FAILED, output=failed.output, error=error)


def _end(doing: Doing, status: str, output: Any = None, error: Json | None = None) -> str:
    record = doing.record
    record.status, record.output, record.error, record.ended = status, output, error, time.time()
    doing.home.engine.store.save(record)
    log.info("activity %s run=%s activity=%s", status, doing.run.id, record.name)
    return status


def new(run: FactoryRun, definition: Json, number: int, ident: str) -> FactoryActivity:
    """The record of an attempt that begins now."""
    return FactoryActivity(
        id=ident,
        created=time.time(),
        run=run.id,
        name=definition["name"],
        type=definition["type"],
        attempt=number,
        linked=str((definition.get("linkedServiceName") or {}).get("referenceName", "")),
    )
