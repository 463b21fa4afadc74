"""How calls behave when the other side does not: which error, how long a wait, and never a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.errors import (
    AccessDenied,
    BadConfiguration,
    BadRequest,
    Conflict,
    NotFound,
    RetrainError,
    RetryableError,
    Throttled,
    Unavailable,
)
from shared.services.answers import Answer, Refusal, error_class
from shared.services.http import Http

from .wire import Order, Wire

KEY = "c2VjcmV0IGtleQ=="
SAS = "sv=2024-01-01&sp=r&sig=VerySecretSignature%3D"


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def http(server: Wire, sleeps: list[float]) -> Http:
    return Http(server.url, sleep=sleeps.append)


def refused(status: int, code: str = "", detail: str = "", message: str = "", **headers: str) -> Order:
    error = {"code": code, "message": message, "details": [{"code": detail, "message": "why"}] if detail else []}
    return Order(status, msgspec.json.encode({"error": error}), {k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BadArgument", BadRequest),
        (401, "Unauthorized", AccessDenied),
        (403, "Forbidden", AccessDenied),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (413, "MemoryQuotaViolation", BadRequest),
        (408, "RequestTimeout", Unavailable),
        (429, "TooMany", Throttled),
        (500, "InternalError", Unavailable),
        (503, "InitializingContainers", Unavailable),
        (503, "RequestThrottled", Throttled),
        (504, "GatewayTimeout", Unavailable),
        (302, "", BadConfiguration),
    ],
)
def test_a_status_is_sorted_once(http: Http, server: Wire, status: int, code: str, kind: type[RetrainError]) -> None:
    server.answers(refused(status, code, "SomeDetail", "what happened"))
    with pytest.raises(kind) as caught:
        http.call("GET", f"{server.url}/x", asked="look at x")
    assert type(caught.value) is kind
    assert f"look at x: HTTP {status}" in str(caught.value)
    assert "SomeDetail" in str(caught.value)


@settings(deadline=None)
@given(st.integers(300, 599), st.text(max_size=10), st.text(max_size=10))
def test_every_failing_status_has_an_error(status: int, code: str, detail: str) -> None:
    kind = error_class(status, Refusal(code, detail))
    assert issubclass(kind, RetrainError)
    assert issubclass(kind, RetryableError) == (status in (408, 429) or status >= 500)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(msgspec.json.encode))
def test_any_error_body_gives_a_readable_refusal(body: bytes) -> None:
    assert str(Answer("ask", 400, {}, body).refusal)
    assert len(str(Answer("ask", 400, {}, body).error())) < 2500


@pytest.mark.parametrize("spell", [str.lower, str.capitalize, str.upper])
def test_an_error_is_read_however_its_names_are_spelled(spell: Callable[[str], str]) -> None:
    inner = {spell("code"): "StoppedPipeline", spell("message"): "It is disabled."}
    error = {spell("code"): "BadRequest", spell("message"): "No run.", spell("details"): [inner]}
    refusal = Answer("ask", 400, {}, msgspec.json.encode({spell("error"): error, "Correlation": {}})).refusal
    assert refusal == Refusal("BadRequest", "StoppedPipeline", "No run. It is disabled.")


def test_the_inner_code_is_the_specific_one_where_there_are_no_details() -> None:
    error = {"code": "UserError", "message": "No run.", "details": [], "innerError": {"code": "NotFound"}}
    assert Answer("ask", 404, {}, msgspec.json.encode({"error": error})).refusal == Refusal(
        "UserError", "NotFound", "No run."
    )


def test_a_passing_fault_is_asked_again_twice_at_most(http: Http, server: Wire, sleeps: list[float]) -> None:
    server.answers(refused(500), refused(504), Order(body=b'"done"'))
    assert http.call("GET", f"{server.url}/x", asked="ask").json(str) == "done"
    assert len(sleeps) == 2 and sum(sleeps) < 3
    server.answers(refused(500))
    with pytest.raises(Unavailable):
        http.call("GET", f"{server.url}/x", asked="ask")
    assert len(server.seen) == 3


def test_what_must_not_happen_twice_is_asked_once(http: Http, server: Wire) -> None:
    server.answers(refused(500), Order())
    with pytest.raises(Unavailable):
        http.call("POST", f"{server.url}/x", asked="ask", repeat=False)
    assert len(server.seen) == 1


def test_a_short_retry_after_is_waited_for_and_a_long_one_is_handed_on(
    http: Http, server: Wire, sleeps: list[float]
) -> None:
    server.answers(refused(503, "ServiceUnavailable", "RequestThrottled", Retry_After="1"), Order())
    http.call("GET", f"{server.url}/x", asked="ask")
    assert sleeps == [1.0]
    server.answers(refused(503, "ServiceUnavailable", "RequestThrottled", Retry_After="40"))
    with pytest.raises(Throttled) as caught:
        http.call("GET", f"{server.url}/x", asked="ask")
    assert caught.value.retry_after == 40.0
    assert sleeps == [1.0]


def test_throttling_without_a_time_is_left_to_the_caller(http: Http, server: Wire, sleeps: list[float]) -> None:
    server.answers(refused(503, "ServiceUnavailable", "TooManyConcurrentRequests"))
    with pytest.raises(Throttled) as caught:
        http.call("GET", f"{server.url}/x", asked="ask")
    assert (len(server.seen), sleeps, caught.value.retry_after) == (1, [], None)


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    def seconds(text: str) -> float | None:
        return Answer("ask", 503, {"Retry-After": text}, b"").retry_after

    moment = datetime.now(UTC) + timedelta(seconds=100)
    assert seconds(format_datetime(moment)) == pytest.approx(100, abs=2)
    assert seconds(format_datetime(datetime.now(UTC) - timedelta(hours=1))) == 0
    assert seconds("soon") is None
    assert seconds("") is None
    assert seconds("nan") is None


@pytest.mark.parametrize("cut", ["before", "inside"])
def test_a_cut_connection_is_asked_again(http: Http, server: Wire, cut: str) -> None:
    server.answers(Order(cut=cut), Order(body=b"1"))
    assert http.call("GET", f"{server.url}/x", asked="ask").json(int) == 1


def test_a_late_answer_is_not_waited_for_twice(http: Http, server: Wire) -> None:
    server.answers(Order(late=0.6), Order())
    with pytest.raises(Unavailable, match="no answer in time"):
        http.call("GET", f"{server.url}/x", asked="ask", timeout=(5, 0.3))
    assert len(server.seen) == 1


def test_a_closed_port_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="ask: no answer"):
        Http("http://127.0.0.1:1", sleep=lambda _: None).call("GET", "http://127.0.0.1:1/x", asked="ask")


def test_a_redirect_is_not_followed_with_the_key(http: Http, server: Wire) -> None:
    server.answers(Order(302, b"", {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(BadConfiguration):
        http.call("GET", f"{server.url}/x", asked="ask", key=KEY)
    assert [seen.path for seen in server.seen] == ["/x"]


def test_a_sign_in_page_is_no_answer(http: Http, server: Wire) -> None:
    server.answers(Order(body=b"<html>please sign in</html>"))
    with pytest.raises(Unavailable, match="proxy or sign-in page"):
        http.call("GET", f"{server.url}/x", asked="ask").json(dict)


def test_the_key_travels_in_one_header_and_cookies_do_not(http: Http, server: Wire) -> None:
    server.answers(Order(headers={"Set-Cookie": "session=1"}))
    for _ in range(2):
        http.call("POST", f"{server.url}/x", asked="ask", key=KEY, body={"a": 1})
    assert server.seen[1].headers["Authorization"] == f"Bearer {KEY}"
    assert server.seen[1].body == b'{"a":1}'
    assert "Cookie" not in server.seen[1].headers


def test_connections_are_kept_alive(server: Wire) -> None:
    server.answers(Order())
    http = Http(server.url)
    for _ in range(3):
        http.call("GET", f"{server.url}/x", asked="ask")
    assert len({seen.connection for seen in server.seen}) == 1


@pytest.mark.parametrize(
    "order",
    [
        refused(400, "Bad", "Detail", f"the key {KEY} with https://a.blob.core.windows.net/c/b?{SAS} was refused"),
        Order(500, f"plain text with {KEY} and {SAS}".encode()),
        Order(cut="before"),
        Order(302, b"", {"Location": f"https://elsewhere/?{SAS}"}),
        Order(200, f"not json {KEY} {SAS}".encode()),
    ],
)
def test_no_error_and_no_log_line_shows_a_key_or_a_signature(
    http: Http, server: Wire, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers(order)
    with caplog.at_level(logging.DEBUG), pytest.raises(RetrainError) as caught:
        http.call("POST", f"{server.url}/x?{SAS}", asked=f"ask with {SAS}", key=KEY, body={"k": SAS}).json(dict)
    for text in (str(caught.value), repr(caught.value), caplog.text):
        assert KEY not in text
        assert "VerySecretSignature" not in text
    assert caught.value.__cause__ is None


def test_fetch_streams_without_any_key(http: Http, server: Wire) -> None:
    server.answers(Order(body=b"x" * 3_000_000))
    assert sum(len(block) for block in http.fetch(f"{server.url}/blob?{SAS}", asked="download")) == 3_000_000
    assert "Authorization" not in server.seen[0].headers


def test_fetch_says_at_once_what_storage_refused(http: Http, server: Wire) -> None:
    body = b'<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>'
    server.answers(Order(403, body))
    with pytest.raises(AccessDenied, match=r"AuthenticationFailed.*ask again"):
        http.fetch(f"{server.url}/blob", asked="download", advice="ask again")


def test_a_download_cut_inside_is_unavailable_and_never_looks_whole(http: Http, server: Wire) -> None:
    server.answers(Order(body=b"half", cut="inside"))
    with pytest.raises(Unavailable):
        b"".join(http.fetch(f"{server.url}/blob", asked="download"))


def test_only_hosts_that_were_named_are_called(http: Http) -> None:
    for url in ("https://elsewhere.example/x", "http://127.0.0.1:9/x"):
        with pytest.raises(BadConfiguration, match="no setting names"):
            http.call("GET", url, asked="ask", key=KEY)


def test_a_remote_service_may_not_send_us_to_our_own_machine() -> None:
    http = Http("https://management.azureml.net/x")
    http.allow("https://account.blob.core.windows.net/x")
    for url in ("http://127.0.0.1:10000/x", "https://localhost/x", "http://169.254.169.254/metadata"):
        with pytest.raises(BadConfiguration):
            http.allow(url)


@pytest.mark.parametrize(
    "url",
    ["ftp://host/x", "http://remote.example/x", "https://user:pass@host/x", "host/x", "https://", "https://h:port/"],
)
def test_an_unusable_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        Http(url)
    assert "pass@" not in str(caught.value)
