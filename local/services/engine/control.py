"""Local control, which the original had none of: switches, faults, holds, and the log of requests."""

import os

from aiohttp import web

from local.services.engine.answers import json_object, json_response
from local.services.engine.engine import engine_of
from local.services.engine.errors import WireError
from local.services.engine.faults import BadFault, read_fault
from local.services.engine.switches import BadSwitch


def _refused(code: str, wrong: object) -> WireError:
    return WireError(400, code, str(wrong))


async def health(request: web.Request) -> web.Response:
    """GET /_local/health: process ids and how much there is of what."""
    engine = engine_of(request)
    return json_response({"pid": os.getpid(), "workers": engine.workers.pids(), "records": engine.store.counts()})


async def get_switches(request: web.Request) -> web.Response:
    """GET /_local/switches: values and meanings."""
    switches = engine_of(request).switches
    return json_response({"switches": switches.all(), "meanings": switches.meanings()})


async def put_switches(request: web.Request) -> web.Response:
    """PUT /_local/switches: sets the ones given."""
    switches = engine_of(request).switches
    try:
        switches.change(await json_object(request))
    except BadSwitch as wrong:
        raise _refused("BadSwitch", wrong) from wrong
    return json_response({"switches": switches.all()})


async def get_faults(request: web.Request) -> web.Response:
    """GET /_local/faults: those still to come."""
    return json_response(engine_of(request).faults.waiting())


async def post_fault(request: web.Request) -> web.Response:
    """POST /_local/faults: orders one."""
    faults = engine_of(request).faults
    try:
        faults.add(read_fault(await request.read()))
    except BadFault as wrong:
        raise _refused("BadFault", wrong) from wrong
    return json_response(faults.waiting(), 201)


async def delete_faults(request: web.Request) -> web.Response:
    """DELETE /_local/faults: forgets them."""
    engine_of(request).faults.clear()
    return web.Response(status=204)


async def hold(request: web.Request) -> web.Response:
    """POST /_local/jobs/hold {"endpoint"?}: keeps jobs at Running, their work done, until released."""
    engine_of(request).holds.hold((await json_object(request)).get("endpoint"))
    return web.Response(status=204)


async def held(request: web.Request) -> web.Response:
    """GET /_local/jobs/held: ids of jobs that wait to be released."""
    return json_response(engine_of(request).holds.held())


async def release(request: web.Request) -> web.Response:
    """POST /_local/jobs/release {"job"?}: lets one job end, or all, and then holds no more."""
    return json_response(engine_of(request).holds.release((await json_object(request)).get("job")))


async def get_log(request: web.Request) -> web.Response:
    """GET /_local/log: the requests seen, oldest first."""
    return json_response(list(engine_of(request).requests))


async def delete_log(request: web.Request) -> web.Response:
    """DELETE /_local/log."""
    engine_of(request).requests.clear()
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
    web.get("/_local/log", get_log),
    web.delete("/_local/log", delete_log),
]
