"""What an app has begun and is still at is asked for again, by itself and with the same words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli import api
from cli.api import Api
from cli.problems import NotYet, Unreachable
from tests.services.wire import Order, Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def refused(code: str, after: str) -> Order:
    body = f'{{"error": {{"code": "{code}", "message": "it is at it"}}}}'
    return Order(503, body.encode(), {"Retry-After": after})


def test_it_is_asked_for_until_it_is_done(wire: Wire) -> None:
    wire.answers(refused("notYet", "0"), refused("notYet", "0"), Order(body=b'{"done": true}'))
    assert Api(wire.url, "", "").post("/api/x", {"a": 1}) == {"done": True}
    assert [seen.body for seen in wire.seen] == [b'{"a": 1}'] * 3


def test_patience_has_an_end(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LONGEST", -1.0)
    wire.answers(refused("notYet", "7"))
    with pytest.raises(NotYet, match="it is at it") as caught:
        Api(wire.url, "", "").post("/api/x")
    assert caught.value.after == 7
    assert len(wire.seen) == 1


def test_an_app_that_cannot_now_is_not_asked_again(wire: Wire) -> None:
    wire.answers(refused("unavailable", "0"))
    with pytest.raises(Unreachable):
        Api(wire.url, "", "").post("/api/x")
    assert len(wire.seen) == 1
