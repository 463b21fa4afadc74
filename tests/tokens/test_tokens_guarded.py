"""A route that wants a token for Resource Manager, as every service behind it has them: who is let in, and how not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from local.services.app import application
from local.services.arm.errors import caller, operation
from local.services.engine.answers import json_response
from local.services.engine.faults import DIALECTS
from local.services.engine.store import Store
from local.services.tokens.records import READER, Principal
from local.services.tokens.tokens import MANAGED, MANAGEMENT, ML, TOKENS, BadToken, Tokens
from tests.tokens.conftest import NOWHERE

# The services run in this process here, and note what a request is about under plain names.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
NAME = "guarded"
PLACE = "/subscriptions/s/resourceGroups/g/things/one"


async def guarded(request: web.Request) -> web.Response:
    """Answers who asked."""
    return json_response({"caller": caller(request).id})


def ask(folder: Path, *calls: tuple[str, str], role: str = "") -> list[tuple[int, Any]]:
    """Status and body of each call (method, how the token is made) of a guarded route."""

    async def session() -> list[tuple[int, Any]]:
        app = application(folder, NOWHERE, 1, {})
        app.router.add_route("*", PLACE, operation(NAME)(guarded))
        async with TestClient(TestServer(app)) as client:
            tokens = app[TOKENS]
            if role:
                tokens.managed.role = role
            return [await call(client, method, token_of(tokens, how)) for method, how in calls]

    async def call(client: Any, method: str, token: str) -> tuple[int, Any]:
        answer = await client.request(method, PLACE, headers={"Authorization": token} if token else {})
        return answer.status, await answer.json(content_type=None)

    try:
        return asyncio.run(session())
    finally:
        del DIALECTS[NAME]  # no service has this operation


def token_of(tokens: Tokens, how: str) -> str:
    if how == "none":
        return ""
    audience, lifetime = (ML, 60) if how == "other audience" else (f"{MANAGEMENT}/", 0 if how == "over" else 60)
    return f"Bearer {tokens.make(tokens.managed, audience, lifetime)}"


def test_a_token_for_the_audience_is_let_in_with_or_without_a_final_slash(tmp_path: Path) -> None:
    assert ask(tmp_path, ("GET", "right"), ("PUT", "right")) == [(200, {"caller": MANAGED})] * 2


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("none", "The 'Authorization' header is missing"),
        ("other audience", "wrong audience or resource 'https://ml.azure.com'"),
        ("over", "expiry UTC time is earlier"),
    ],
)
def test_a_token_that_is_not_for_it_is_401_as_resource_manager_spells_it(tmp_path: Path, how: str, words: str) -> None:
    ((status, body),) = ask(tmp_path, ("GET", how))
    assert status == 401
    assert body["error"]["code"] == "InvalidAuthenticationToken" and words in body["error"]["message"]


def test_a_reader_may_get_and_nothing_else(tmp_path: Path) -> None:
    looked, *refused = ask(tmp_path, ("GET", "right"), ("PUT", "right"), ("DELETE", "right"), role=READER)
    assert looked[0] == 200
    assert [(status, body["error"]["code"]) for status, body in refused] == [(403, "AuthorizationFailed")] * 2


def test_tokens_end_with_the_process_that_made_them(tmp_path: Path) -> None:
    store = Store(tmp_path, (Principal,))
    before, after = Tokens(store), Tokens(store)
    token = before.make(before.managed, MANAGEMENT, 60)
    assert before.check(token, MANAGEMENT, write=True).id == MANAGED
    with pytest.raises(BadToken, match="invalid") as caught:
        after.check(token, MANAGEMENT, write=False)
    assert caught.value.status == 401
    store.close()
