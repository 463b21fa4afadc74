"""Answers and request bodies as JSON."""

from typing import Any

import msgspec
from aiohttp import web

from local.services.engine.errors import WireError


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body as an object; an empty body is an empty object. Raises: WireError, 400."""
    try:
        body: dict[str, Any] = msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise WireError(400, "BadBody", f"Not a JSON object: {wrong}.") from wrong
    return body
