"""Events in every form in which they come, and what is none: read or complained about, never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import BadRequest, TooLarge
from shared.api.envelopes import LARGEST, MOST, Event, read
from shared.api.events import GOING_ON, job_of

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
KIND = "Microsoft.MachineLearningServices.RunStatusChanged"
DATA = {"runId": "job-1", "runStatus": "Completed", "runTags": {"a": "b"}}
SUBJECT = "experiments/0f4c/runs/job-1"
GRID = {"topic": WORKSPACE, "subject": SUBJECT, "eventType": KIND, "eventTime": "2026-08-01T08:00:00.1234567Z",
        "id": "1", "data": DATA, "dataVersion": "1", "metadataVersion": "1"}  # fmt: skip
CLOUD = {"specversion": "1.0", "source": WORKSPACE, "subject": SUBJECT, "type": KIND, "id": "1", "data": DATA}
JOB = (WORKSPACE.lower(), "job-1")

texts = st.text(max_size=20)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
named = st.sampled_from(["specversion", "type", "source", "subject", "eventType", "topic", "data", "runId"])
nearly = st.dictionaries(named, junk, max_size=8) | junk
"""What is nearly an event, or nothing like it."""


def cased(draw: Callable[..., Any], value: Any) -> Any:
    """The same with the names of members in some other case."""
    if not isinstance(value, dict):
        return value
    turn = st.sampled_from([str.lower, str.upper, str.title, str.swapcase, str])
    return {draw(turn)(name): cased(draw, member) for name, member in value.items()}


@given(st.data(), st.sampled_from([GRID, CLOUD]), st.booleans())
def test_an_event_is_the_same_in_either_envelope_in_any_case_alone_or_among_others(
    data: st.DataObject, event: dict[str, Any], many: bool
) -> None:
    spelled = cased(data.draw, event)
    body = json.dumps([spelled, GRID, CLOUD] if many else spelled).encode()
    found = read(body, {"content-type": "application/whatever"})
    assert found.complaints == ()
    assert [job_of(one) for one in found.events] == [JOB] * (3 if many else 1)
    assert {(one.kind, one.source, one.subject) for one in found.events} == {(KIND, WORKSPACE, SUBJECT)}


def lowered(message: HTTPMessage) -> dict[str, str]:
    return {name.lower(): value for name, value in message.headers.items()}


@pytest.mark.parametrize("mode", [to_structured, to_binary])
def test_what_the_sdk_of_cloudevents_writes_is_read(mode: Callable[..., HTTPMessage]) -> None:
    told = {"type": KIND, "source": WORKSPACE, "subject": SUBJECT, "id": "1", "datacontenttype": "application/json"}
    message = mode(CloudEvent(attributes={**told, "specversion": "1.0"}, data=DATA), JSONFormat())
    (event,) = read(message.body, lowered(message)).events
    assert (event.kind, event.source, event.subject) == (KIND, WORKSPACE, SUBJECT)
    assert job_of(event) == JOB


@given(nearly)
def test_any_json_is_read_or_complained_about(value: Any) -> None:
    body = json.dumps(value).encode()
    items = value if isinstance(value, list) else [value]
    try:
        found = read(body, {})
    except BadRequest as error:
        assert str(error).startswith("no event can be read; event 1 of ")
        assert 0 < len(error.problems) <= 10
    else:
        assert len(found.events) + len(found.complaints) == len(items)
        for event in found.events:
            job_of(event)


@given(st.binary(max_size=60), st.dictionaries(st.sampled_from(["ce-specversion", "ce-type", "x"]), texts))
def test_any_bytes_are_read_or_refused(body: bytes, headers: dict[str, str]) -> None:
    try:
        found = read(body, headers)
    except BadRequest as error:
        assert str(error)
    else:
        assert all(isinstance(event, Event) for event in found.events)


def test_what_is_nested_beyond_all_measure_is_refused() -> None:
    for body in (b"[" * 500_000, b'{"data":' * 100_000):
        with pytest.raises(BadRequest, match="not JSON"):
            read(body, {})


def test_more_than_event_grid_sends_is_refused() -> None:
    with pytest.raises(TooLarge, match="bytes of events"):
        read(b" " * (LARGEST + 1), {})
    assert len(read(json.dumps([{"eventType": "x"}] * MOST).encode(), {}).events) == MOST
    with pytest.raises(TooLarge, match="5001 events at once"):
        read(json.dumps([{"eventType": "x"}] * (MOST + 1)).encode(), {})


def test_a_complaint_names_members_and_never_values() -> None:
    secret = {"validationUrl": "https://secret", "Key": "secret", "n" * 99: 1}
    with pytest.raises(BadRequest) as refused:
        read(json.dumps([secret, "secret"]).encode(), {})
    told = "".join((str(refused.value), *refused.value.problems))
    assert "'validationUrl', 'Key', '" + "n" * 40 + "'" in told and "event 2 of 2" in told
    assert "secret" not in told


def test_an_empty_batch_is_no_mistake() -> None:
    assert read(b"[]", {}).events == ()


def grid(**changes: Any) -> Event:
    return read(json.dumps({**GRID, **changes}).encode(), {}).events[0]


def test_a_job_is_named_by_its_data_or_else_by_the_subject() -> None:
    assert job_of(grid(data={})) == JOB
    assert job_of(grid(subject="", data={"RUNID": "Other"})) == (WORKSPACE.lower(), "other")
    assert job_of(grid(subject="experiments/x", data={"runId": 7})) is None


def test_a_run_that_completed_and_a_status_that_nobody_knows_are_reasons_to_look() -> None:
    assert job_of(grid(eventType=KIND.replace("StatusChanged", "Completed").upper())) == JOB
    for status in ("Completed", "failed", "CANCELED", "Succeeded", "", None, 7):
        assert job_of(grid(data={**DATA, "runStatus": status})) == JOB


@given(st.sampled_from(sorted(GOING_ON)), st.sampled_from([str.lower, str.upper, str.title]))
def test_a_job_that_goes_on_is_no_reason_to_look(status: str, case: Callable[[str], str]) -> None:
    assert job_of(grid(data={**DATA, "runStatus": case(status)})) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"eventType": "Microsoft.MachineLearningServices.ModelRegistered"},
        {"eventType": "Microsoft.Storage.BlobCreated"},
        {"topic": ""},
        {"topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"},
    ],
)
def test_events_of_other_kinds_and_sources_name_no_job(changes: dict[str, str]) -> None:
    assert job_of(grid(**changes)) is None
