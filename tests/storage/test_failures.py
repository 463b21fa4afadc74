"""What storage clients raise becomes an error that says what to do, and shows no secret."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import AccessDenied, BadRequest, Conflict, NotFound, Replaced, StaleRecord, Throttled, Unavailable
from shared.redact import redact
from shared.storage.failures import asking, failure

SIGNED = "https://acc.blob.core.windows.net/c/x?sv=2026&sp=r&sig=abc%2Fdef%3D&se=2027"


class Answer:
    """As much of a response as an error looks at."""

    def __init__(self, status: int, code: str, **headers: str) -> None:
        self.status_code, self.reason = status, "said so"
        self.headers = {"x-ms-error-code": code, **headers}


def answered(status: int, code: str = "SomeCode", **headers: str) -> HttpResponseError:
    response: Any = Answer(status, code, **headers)
    return HttpResponseError(message=f"it went wrong at {SIGNED}", response=response)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidInput", BadRequest),
        (400, "InvalidBlockList", Unavailable),
        (401, "NoAuthenticationInformation", AccessDenied),
        (403, "AuthorizationPermissionMismatch", AccessDenied),
        (404, "BlobNotFound", NotFound),
        (408, "RequestTimeout", Unavailable),
        (409, "BlobAlreadyExists", Conflict),
        (409, "ContainerBeingDeleted", Unavailable),
        (409, "PendingCopyOperation", Unavailable),
        (412, "ConditionNotMet", Replaced),
        (413, "RequestBodyTooLarge", BadRequest),
        (429, "TooManyRequests", Throttled),
        (500, "InternalError", Unavailable),
        (503, "ServerBusy", Throttled),
        (503, "Other", Unavailable),
    ],
)
def test_a_status_becomes_the_error_that_says_what_to_do(status: int, code: str, kind: type[Exception]) -> None:
    error = failure("read blob c/x", answered(status, code))
    assert type(error) is kind
    assert str(error).startswith(f"read blob c/x: HTTP {status} {code}; ")


@pytest.mark.parametrize("status", [404, 409, 412])
def test_a_refused_record_of_our_own_is_stale(status: int) -> None:
    assert type(failure("save", answered(status), own_record=True)) is StaleRecord


def test_a_busy_service_says_when_to_come_back() -> None:
    error = failure("read", answered(503, "ServerBusy", **{"Retry-After": "7"}))
    assert isinstance(error, Throttled)
    assert error.retry_after == 7


def test_an_identity_without_a_token_is_asked_again() -> None:
    error = failure("read", ClientAuthenticationError("no identity found"))
    assert type(error) is Unavailable
    assert "no identity found" in str(error)


@pytest.mark.parametrize("error", [ServiceRequestError(f"no route to {SIGNED}"), answered(400)])
def test_an_error_shows_no_signature(error: Any) -> None:
    with pytest.raises((Unavailable, BadRequest)) as caught, asking("read"):
        raise error
    assert "sig=***" in str(caught.value)
    assert "abc%2Fdef" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (SIGNED, SIGNED.replace("abc%2Fdef%3D", "***")),
        ("a&SIG=x/+=&b", "a&SIG=***&b"),
        ("AccountName=a;AccountKey=k/+==;EndpointSuffix=s", "AccountName=a;AccountKey=***;EndpointSuffix=s"),
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ("SharedKey acc:k/+==", "SharedKey acc:***"),
        ("/runtime/webhooks/blobs?functionName=f&code=k==", "/runtime/webhooks/blobs?functionName=f&code=***"),
        ("https%3A%2F%2Fa%2Fb%3Fsig%3Dabc%26se%3D1", "https%3A%2F%2Fa%2Fb%3Fsig%3D***"),
        ("design = significant, signature: none", "design = significant, signature: none"),
    ],
)
def test_redacting_hides_the_secret_and_nothing_else(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(st.text(), st.text("abcXYZ019%/+=", min_size=1), st.text())
def test_no_signature_survives_redacting(before: str, secret: str, after: str) -> None:
    marked = f"SeCrEt{secret}"
    assert marked not in redact(f"{before}?sig={marked}&{after}")
