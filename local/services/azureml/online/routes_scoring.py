"""Where endpoints answer: `/online/{region}/{endpoint}/score`, on this machine instead of a host of its own."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from local.services.azureml.online import scoring, tokens
from local.services.azureml.online.records import OnlineDeployment, OnlineEndpoint
from local.services.azureml.online.routing import HEADER, NoRoute, Pending, TooMany, choose, timeout
from local.services.engine.answers import json_response
from local.services.engine.engine import engine_of
from local.services.engine.errors import WireError
from local.services.engine.operation import operation as named
from local.services.engine.operation import pause
from local.services.engine.tables import MissingColumns, Table, Unparsable
from local.services.tokens.tokens import BadToken

BASE = "/online/{location}/{endpoint}"
PENDING: web.AppKey[Pending] = web.AppKey("online pending", Pending)
NO_ROUTE = (
    "No valid deployments to route to. Please check that the endpoint has at least one deployment with positive weight "
    "values or use a deployment specific header to route."
)


class FrontDoorError(WireError):
    """`{"error": {"code", "message"}}`; `headers` come with it."""

    def body(self) -> bytes:
        """The JSON body."""
        return msgspec.json.encode({"error": {"code": self.code, "message": self.message}})


CODES = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 408: "RequestTimeout", 429: "TooManyRequests"}


def _refused(status: int, message: str) -> FrontDoorError:
    return FrontDoorError(status, CODES.get(status, "InternalServerError"), message)


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        status = status or 503
        return FrontDoorError(status, code or CODES.get(status, "InternalServerError"), message or "Injected fault.")

    def unexpected(self, status: int, message: str) -> WireError:
        return _refused(status, message)


DIALECT = _Dialect()


def _called(request: web.Request) -> OnlineEndpoint:
    """The endpoint, for callers that it knows. Raises: WireError, 401, 403 or 404."""
    at = request.match_info
    here = (at["location"].lower(), at["endpoint"].lower())
    all_of = engine_of(request).store.all(OnlineEndpoint)
    found = next((one for one in all_of if (one.location.lower(), one.name.lower()) == here and one.made), None)
    if found is None:
        raise _refused(404, f"There is no endpoint {at['endpoint']} in {at['location']}.")
    try:
        tokens.check(found, request)
    except BadToken as bad:
        raise _refused(bad.status, str(bad)) from bad
    return found


@named("scoreonline", DIALECT)
async def score(request: web.Request) -> web.Response:
    """POST score: by the deployment that the header names, else by the shares of traffic."""
    endpoint, body = _called(request), await request.read()
    try:
        chosen = choose(engine_of(request).store, endpoint, request.headers.get(HEADER, ""))
        with request.app[PENDING].one(chosen):
            response = await asyncio.wait_for(_scored(request, chosen, body), timeout(chosen))
    except NoRoute as none:
        raise _refused(404, NO_ROUTE) from none
    except TooMany as many:
        raise _refused(429, str(many)) from many
    except TimeoutError as late:
        raise _refused(408, "The request timed out: the model took longer than requestTimeout.") from late
    if engine_of(request).switches["onlineServedBy"] == "present":
        response.headers[HEADER] = chosen.name
    return response


async def _scored(request: web.Request, chosen: OnlineDeployment, body: bytes) -> web.Response:
    await pause(request)
    engine = engine_of(request)
    try:
        table = scoring.read(body)
        scores = await engine.in_thread(_with_model, engine, chosen.sha, table)
    except (scoring.BadRows, MissingColumns, Unparsable) as bad:
        return _crashed(str(bad))
    return json_response(scoring.answer(scores, engine.switches["onlineAnswer"]))


def _with_model(engine: Any, sha: str, table: Table) -> Any:
    from local.services.engine.scoring import score as scored

    return scored(engine.models().load(sha), table)


def _crashed(message: str) -> web.Response:
    """What comes when the container answers anything but 200: its own words, its status in a header."""
    headers = {"ms-azureml-model-error-statuscode": "400", "ms-azureml-model-error-reason": "Bad Request"}
    return json_response({"message": message}, 424, headers)


@named("getonlineswagger", DIALECT)
async def swagger(request: web.Request) -> web.Response:
    """GET swagger.json: what the endpoint takes, as far as every model takes it."""
    found = _called(request)
    rows: Mapping[str, Any] = {"type": "object", "properties": {"input_data": {"type": "object"}}}
    operation = {"requestBody": {"content": {"application/json": {"schema": rows}}}, "responses": {"200": {}}}
    info = {"title": found.name, "version": "1.0"}
    return json_response({"openapi": "3.0.0", "info": info, "paths": {"/score": {"post": operation}}})


ROUTES = [web.post(BASE + "/score", score), web.get(BASE + "/swagger.json", swagger)]
