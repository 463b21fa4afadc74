"""Local control, which the original had none of: switches, faults, holds, and the log of requests."""

import os
from typing import Any

import msgspec
from aiohttp import web

from local.services.studio.errors import WireError
from local.services.studio.faults import BadFault, read_fault
from local.services.studio.records import Endpoint, Experiment, Job, Service, Workspace
from local.services.studio.routes_runtime import json_response
from local.services.studio.studio import studio_of
from local.services.studio.switches import TABLE, BadSwitch


def _refused(code: str, wrong: object) -> WireError:
    return WireError(400, code, str(wrong))


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body: dict[str, Any] = msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
    except msgspec.DecodeError as wrong:
        raise _refused("BadBody", f"Not a JSON object: {wrong}.") from wrong
    return body


async def health(request: web.Request) -> web.Response:
    """GET /_local/health: process ids and how much there is of what."""
    studio = studio_of(request)
    kinds = (Workspace, Experiment, Service, Endpoint, Job)
    counts = {kind.__name__: sum(1 for _ in studio.store.all(kind)) for kind in kinds}
    return json_response({"pid": os.getpid(), "workers": studio.workers.pids(), "records": counts})


async def get_switches(request: web.Request) -> web.Response:
    """GET /_local/switches: values and meanings."""
    values = studio_of(request).switches.all()
    return json_response({"switches": values, "meanings": {name: TABLE[name].meaning for name in values}})


async def put_switches(request: web.Request) -> web.Response:
    """PUT /_local/switches: sets the ones given."""
    switches = studio_of(request).switches
    try:
        switches.change(await _body(request))
    except BadSwitch as wrong:
        raise _refused("BadSwitch", wrong) from wrong
    return json_response({"switches": switches.all()})


async def get_faults(request: web.Request) -> web.Response:
    """GET /_local/faults: those still to come."""
    return json_response(studio_of(request).faults.waiting())


async def post_fault(request: web.Request) -> web.Response:
    """POST /_local/faults: orders one."""
    faults = studio_of(request).faults
    try:
        faults.add(read_fault(await request.read()))
    except BadFault as wrong:
        raise _refused("BadFault", wrong) from wrong
    return json_response(faults.waiting(), 201)


async def delete_faults(request: web.Request) -> web.Response:
    """DELETE /_local/faults: forgets them."""
    studio_of(request).faults.clear()
    return web.Response(status=204)


async def hold(request: web.Request) -> web.Response:
    """POST /_local/jobs/hold {"endpoint"?}: keeps jobs at Running, their work done, until released."""
    studio_of(request).holds.hold((await _body(request)).get("endpoint"))
    return web.Response(status=204)


async def held(request: web.Request) -> web.Response:
    """GET /_local/jobs/held: ids of jobs that wait to be released."""
    return json_response(studio_of(request).holds.held())


async def release(request: web.Request) -> web.Response:
    """POST /_local/jobs/release {"job"?}: lets one job end, or all, and then holds no more."""
    return json_response(studio_of(request).holds.release((await _body(request)).get("job")))


async def get_jobs(request: web.Request) -> web.Response:
    """GET /_local/jobs: ids, states and times of all jobs, oldest first; `?endpoint=` narrows."""
    wanted = {"endpoint": request.query["endpoint"]} if "endpoint" in request.query else {}
    shown = ("id", "endpoint", "state", "number", "created", "started", "ended", "details")
    jobs = studio_of(request).store.all(Job, **wanted)
    return json_response([{name: getattr(job, name) for name in shown} for job in jobs])


async def get_log(request: web.Request) -> web.Response:
    """GET /_local/log: the requests seen, oldest first."""
    return json_response(list(studio_of(request).requests))


async def delete_log(request: web.Request) -> web.Response:
    """DELETE /_local/log."""
    studio_of(request).requests.clear()
    return web.Response(status=204)


ROUTES = [
    web.get("/_local/health", health),
    web.get("/_local/switches", get_switches),
    web.put("/_local/switches", put_switches),
    web.get("/_local/faults", get_faults),
    web.post("/_local/faults", post_fault),
    web.delete("/_local/faults", delete_faults),
    web.post("/_local/jobs/hold", hold),
    web.get("/_local/jobs/held", held),
    web.post("/_local/jobs/release", release),
    web.get("/_local/jobs", get_jobs),
    web.get("/_local/log", get_log),
    web.delete("/_local/log", delete_log),
]
