"""Who asked for a run is told when it has ended, at least once, and nobody else learns the address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from retrain import callbacks, landing, paths, reconcile
from retrain.errors import AccessDenied
from retrain.messages import RunRequest
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

SECRET = "callbacktoken=s3cret"


class Waiting:
    """Somebody who waits to be called back; refuses as often as told to."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.refusals: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/workflow/callback?{SECRET}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        waiting = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = waiting.refusals.pop(0) if waiting.refusals else 200
                if status == 200:
                    waiting.seen.append(msgspec.json.decode(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing: tests read `seen`."""

        return Handler


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    made = Waiting()
    yield made
    made.close()


def ask(world: World, data: str, uri: str, cause: str = "asked", **more: Any) -> Run:
    asked = RunRequest(model=world.name, data=(data,), call_back_uri=uri, **more)
    run = landing.request(asked, world.ports, door="http", actor=TESTER, cause=cause)
    landing.start(run, world.ports)
    return run


def spring(world: World) -> str:
    return world.put(f"{world.name}/spring.csv", bikes.months("2011-04", "2011-05", "2011-06"), "history")


def test_a_promotion_is_told_and_its_address_forgotten(world: World, waiting: Waiting) -> None:
    world.adopt()
    run = world.finish(ask(world, spring(world), waiting.url))
    assert run.state is State.PROMOTED, run.why
    (told,) = waiting.seen
    assert told["statusCode"] == "200"
    assert told["output"] == {"run": run.id, "model": world.name, "state": "promoted", "why": run.why, "version": 1}
    assert world.names(paths.CALLBACKS) == []


def test_bad_data_is_told_as_an_error(world: World, waiting: Waiting) -> None:
    world.adopt()
    run = world.finish(ask(world, world.put(f"{world.name}/bad.csv", "a,b\n1\n", "history"), waiting.url))
    assert run.state is State.QUARANTINED
    (told,) = waiting.seen
    assert (told["statusCode"], told["error"]["ErrorCode"]) == ("409", "quarantined")
    assert told["error"]["Message"] == run.why


def test_who_cannot_be_reached_is_told_by_the_timer(world: World, waiting: Waiting) -> None:
    world.adopt()
    waiting.refusals = [503] * 3
    run = world.finish(ask(world, spring(world), waiting.url))
    assert (run.state, waiting.seen) == (State.PROMOTED, [])
    assert len(world.names(paths.CALLBACKS)) == 1
    reconcile.tick(world.ports)
    assert [told["output"]["run"] for told in waiting.seen] == [run.id]
    assert world.names(paths.CALLBACKS) == []


def test_who_refuses_is_not_asked_again(world: World, waiting: Waiting) -> None:
    world.adopt()
    waiting.refusals = [404]
    world.finish(ask(world, spring(world), waiting.url))
    assert world.names(paths.CALLBACKS) == []


def test_an_address_is_given_up_after_a_day(world: World, waiting: Waiting) -> None:
    callbacks.remember(f"{world.name}~0123456789abcdef", waiting.url, world.ports)
    callbacks.tick(world.ports)
    assert len(world.names(paths.CALLBACKS)) == 1
    world.later(hours=25)
    callbacks.tick(world.ports)
    assert (world.names(paths.CALLBACKS), waiting.seen) == ([], [])


def test_asked_again_with_the_same_key_both_addresses_are_called(world: World, waiting: Waiting) -> None:
    world.adopt()
    data = spring(world)
    run = ask(world, data, waiting.url, cause="k", idempotency_key="k")
    assert ask(world, data, waiting.url + "&again=1", cause="k", idempotency_key="k").id == run.id
    world.finish(run)
    assert [told["output"]["run"] for told in waiting.seen] == [run.id, run.id]


def test_who_asks_when_the_run_is_over_is_told_by_the_timer(world: World, waiting: Waiting) -> None:
    world.adopt()
    data = spring(world)
    run = world.finish(ask(world, data, "", cause="k", idempotency_key="k"))
    ask(world, data, waiting.url, cause="k", idempotency_key="k")
    reconcile.tick(world.ports)
    assert [told["output"]["run"] for told in waiting.seen] == [run.id]


def test_who_asks_for_data_that_a_run_took_already_is_told_of_that_runs_end(world: World, waiting: Waiting) -> None:
    world.adopt()
    data = spring(world)
    run = ask(world, data, "", cause="first")
    assert ask(world, data, waiting.url, cause="second").id == run.id
    assert [paths.run_of_callback(f"callbacks/{name}") for name in world.names(paths.CALLBACKS)] == [run.id]
    world.finish(run)
    reconcile.tick(world.ports)
    assert [told["output"]["run"] for told in waiting.seen] == [run.id]
    assert world.names(paths.CALLBACKS) == []


def test_who_cannot_be_reached_at_all_leaves_no_token_in_the_log(
    world: World, waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    world.adopt()
    waiting.close()
    run = world.finish(ask(world, spring(world), waiting.url))
    assert f"not told yet run={run.id}" in caplog.text and "s3cret" not in caplog.text


def test_an_address_elsewhere_is_refused_before_anything_begins(world: World) -> None:
    world.adopt()
    for uri in ("https://example.com/x", "http://169.254.169.254/x", "https://127.0.0.1.example.com/"):
        with pytest.raises(Exception) as refused:
            ask(world, spring(world), uri)
        assert isinstance(refused.value, AccessDenied) or "not encrypted" in str(refused.value)
    assert world.ports.ledger.runs(world.name) == []


def test_the_address_is_in_no_record_and_no_view(world: World, waiting: Waiting) -> None:
    world.adopt()
    run = world.finish(ask(world, spring(world), waiting.url))
    kept = [world.read(f"runs/{name}") for name in world.names("runs")]
    moves = msgspec.json.encode(world.ports.ledger.moves(run.id))
    assert all(b"s3cret" not in content for content in (*kept, moves, msgspec.json.encode(run)))
