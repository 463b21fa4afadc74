"""How commands reach the local Studio (classic): its options, the workspace's token, and errors in one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.api import Json
from cli.problems import Problem, Unreachable, Usage

if TYPE_CHECKING:
    from local.services.studio.client import StudioClient

URL = "http://127.0.0.1:7072"

Url = Annotated[str, typer.Option("--studio", envvar="STUDIO", metavar="URL", help="Where the local Studio answers.")]
Workspace = Annotated[
    str, typer.Option("--workspace", envvar="STUDIO_WORKSPACE", metavar="ID", help="Id of the workspace.")
]
Token = Annotated[
    str, typer.Option("--token", metavar="env:NAME", help="Variable with the workspace's authorization token.")
]
STUDIO_TOKEN = "env:STUDIO_TOKEN"  # noqa: S105 - where the token is, not what it is


@contextmanager
def studio_at(url: str) -> Iterator[StudioClient]:
    """The local Studio at that address; its refusals become problems of the command."""
    try:
        from local.services.studio.client import StudioClient, StudioRefused
    except ImportError as error:
        raise Problem(f"the local Studio is not installed here ({error}); run `make setup` in the project") from error
    from requests import RequestException

    client = StudioClient(url)
    try:
        yield client
    except StudioRefused as refused:
        raise Problem(_words(refused.status, refused.body)) from refused
    except RequestException as error:
        raise Unreachable(
            f"no Studio at {url} ({type(error).__name__}); start it with `make up`, or name another with --studio"
        ) from None
    finally:
        client.close()


def _words(status: int, body: str) -> str:
    """An error of the service in one line, its most specific message first."""
    import json

    try:
        error = json.loads(body)["error"]
        detail = (error["details"] or [error])[0]
    except (ValueError, KeyError, TypeError):
        return f"Studio answered HTTP {status}: {body[:200]}"
    return f"Studio refused: {detail['message']} (HTTP {status}, {error['code']}/{detail['code']})"


def place(workspace: str, token: str) -> Json:
    """The workspace with its token, as the client takes it. Raises Usage; the text is not repeated, it may be it."""
    kind, _, name = token.partition(":")
    found = os.environ.get(name, "").strip() if kind == "env" else ""
    if not found:
        raise Usage("--token takes env:NAME, the name of a variable that holds the workspace's authorization token")
    return {"id": workspace, "token": found}
