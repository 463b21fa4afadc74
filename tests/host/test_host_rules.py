"""The host's pure rules: routes, paths, messages, pauses, settings, log lines."""

from __future__ import annotations

import json
import random

import pytest
from azure.storage.queue import QueueMessage
from hypothesis import given
from hypothesis import strategies as st

from local.host import accesslog, messages, options, settings
from local.host.accesslog import BlobWritten, MessagePut, Tail
from local.host.backoff import Backoff
from local.host.blobpaths import BlobPath, split_url
from local.host.logs import redact
from local.host.protos import TypedData
from local.host.routing import Route, RouteError
from local.host.settings import HostSettings, QueueSettings, SettingsError


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/models/{model}/runs", "/api/models/bikes%3A001/runs", {"model": "bikes:001"}),
        ("API/Models", "/api/models/", {}),
        ("a/{x?}", "/a", {}),
        ("a/{x?}", "/a/b", {"x": "b"}),
        ("a/{x=y}", "/a", {"x": "y"}),
        ("a/{*rest}", "/a/b/c", {"rest": "b/c"}),
        ("a/{*rest}", "/a", {}),
        ("{ignored:maxlength(0)?}", "/", {}),
        ("{ignored:maxlength(0)?}", "/x", None),
        ("a/{id:int}", "/a/12", {"id": "12"}),
        ("a/{id:int}", "/a/x", None),
        ("a/{id:int}", "/a/99999999999", None),
        ("a/{id:int:range(1,5)}", "/a/6", None),
        ("a/{g:guid}", "/a/00000000-0000-0000-0000-000000000000", {"g": "00000000-0000-0000-0000-000000000000"}),
        ("a/{x:alpha:minlength(2)}", "/a/b", None),
        ("a/{x:regex(^\\d{3}$)}", "/a/123", {"x": "123"}),
        ("a/{x:length(2,3)}", "/a/1234", None),
        ("a/{x:bool}", "/a/True", {"x": "True"}),
        ("files/{name}.{ext}", "/files/a.b.csv", {"name": "a.b", "ext": "csv"}),
        ("a/{x}", "/a/b%2Fc", {"x": "b%2Fc"}),
        ("a/{x}", "/a", None),
        ("a/{x}", "/a/b/c", None),
    ],
)
def test_a_route_matches_as_in_aspnet(template, path, values):
    assert Route.parse(template).match(path) == values


def test_routes_sort_from_specific_to_general():
    templates = ["a/{*rest}", "a/{x}", "a/{x:int}", "{y}/b", "a/b"]
    ordered = sorted(templates, key=lambda template: Route.parse(template).precedence)
    assert ordered == ["a/b", "a/{x:int}", "a/{x}", "a/{*rest}", "{y}/b"]


@pytest.mark.parametrize("template", ["a/{x", "a/{x:unheardof}", "{*rest}/b", "{x?}/b", "a/{1x}"])
def test_a_route_that_cannot_be_read_is_refused(template):
    with pytest.raises(RouteError, match="route"):
        Route.parse(template)


@pytest.mark.parametrize(
    ("path", "blob", "tokens"),
    [
        ("c/{name}", "a/b/c.csv", {"name": "a/b/c.csv"}),
        ("c/{dir}/{name}.csv", "a/b/c.csv", {"dir": "a/b", "name": "c"}),
        ("c/{name}.csv", "a.CSV", None),
        ("c/fixed.txt", "fixed.txt", {}),
        ("c/{{{name}}}", "{x}", {"name": "x"}),
        ("c", "anything", {"name": "anything"}),
    ],
)
def test_a_blob_path_matches_greedily_and_case_sensitively(path, blob, tokens):
    assert BlobPath.parse(path).match("c", blob) == tokens
    assert BlobPath.parse(path).match("other", blob) is None


@pytest.mark.parametrize("path", ["{container}/x", "", "c/{a-b}", "c/{x}{x}"])
def test_a_blob_path_that_cannot_be_read_is_refused(path):
    with pytest.raises(ValueError, match="blob path"):
        BlobPath.parse(path)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/acc/c/a%20b/d.csv", "https://acc.blob.core.windows.net/c/a%20b/d.csv?sv=1"]
)
def test_a_blob_url_is_split_in_both_styles(url):
    assert split_url(url, "acc") == ("c", "a b/d.csv")


def test_an_url_without_a_blob_is_refused():
    with pytest.raises(ValueError, match="not the URL of a blob"):
        split_url("http://127.0.0.1:1/acc/c", "acc")


@given(st.text(), st.sampled_from(["base64", "none"]))
def test_a_message_survives_its_encoding(text, encoding):
    assert messages.decode(messages.encode(text, encoding), encoding) == text


@given(st.binary())
def test_bytes_survive_base64_and_become_text_where_they_can(data):
    decoded = messages.decode(messages.encode(data, "base64"), "base64")
    assert (decoded.encode() if isinstance(decoded, str) else decoded) == data


@pytest.mark.parametrize(
    ("value", "payloads"),
    [
        (TypedData(string="plain"), ["plain"]),
        (TypedData(string="12"), ["12"]),
        (TypedData(string='{"a":1}'), ['{\n  "a": 1\n}']),
        (TypedData(json='["a", {"b": 1}, 2]'), ["a", '{\n  "b": 1\n}', "2"]),
        (TypedData(bytes=b'["a"]'), [b'["a"]']),
    ],
)
def test_an_output_becomes_messages(value, payloads):
    assert messages.output_payloads(value) == payloads


def queued(text: str) -> QueueMessage:
    message = QueueMessage(content=text)
    message.id, message.pop_receipt, message.dequeue_count = "real", "receipt", 3
    return message


def test_metadata_keeps_its_own_spelling_when_the_body_overrides_it():
    body = json.dumps({"ID": "mine", "poprECEIPT": {"a": 1}, "extra": 1, "list": [], "nothing": None})
    metadata = messages.trigger_metadata(queued(body), body)
    assert metadata["Id"].value == "mine"
    assert json.loads(metadata["PopReceipt"].value) == {"a": 1}
    assert metadata["extra"].value == "1"
    assert not {"list", "nothing", "ID"} & set(metadata)


@given(st.floats(0.1, 300), st.integers(0, 1000), st.integers(1, 60))
def test_pauses_grow_from_a_tenth_of_a_second_to_the_longest(longest, seed, polls):
    backoff = Backoff(longest, random.Random(seed))
    pauses = [backoff.next() for _ in range(polls)]
    assert pauses[0] == 0.1
    assert all(0.1 <= pause <= longest for pause in pauses)
    assert pauses == sorted(pauses)
    backoff.reset()
    assert backoff.next() == 0.1


def test_pauses_reach_the_longest():
    backoff = Backoff(2.0)
    assert [backoff.next() for _ in range(10)][-1] == 2.0


def host_settings(tmp_path, document, environment=None) -> HostSettings:
    (tmp_path / "host.json").write_text(json.dumps(document))
    return settings.load_host_settings(tmp_path, environment or {})


def test_host_json_has_the_platforms_defaults(tmp_path, monkeypatch):
    monkeypatch.delenv("AZURE_FUNCTIONS_ENVIRONMENT", raising=False)
    found = host_settings(tmp_path, {"version": "2.0"})
    queues = found.queues
    assert (queues.batch_size, queues.max_dequeue_count, queues.message_encoding) == (16, 5, "base64")
    assert (queues.longest_poll, queues.delay_after_failure) == (60.0, 0)
    assert (found.blobs.poison_blob_threshold, found.http.route_prefix) == (5, "api")
    monkeypatch.setenv("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    assert queues.longest_poll == 2.0


def test_blob_parallelism_is_split_into_batch_and_threshold(tmp_path):
    one, many = ({"extensions": {"blobs": {"maxDegreeOfParallelism": number}}} for number in (1, 100))
    found = host_settings(tmp_path, one).blobs.as_queue(QueueSettings())
    assert (found.batch_size, found.threshold) == (1, 0)
    found = host_settings(tmp_path, many).blobs.as_queue(QueueSettings())
    assert (found.batch_size, found.threshold) == (32, 68)


def test_the_environment_overrides_host_json_ignoring_case(tmp_path):
    document = {"extensions": {"queues": {"batchSize": 8}, "http": {"routePrefix": "x"}}}
    environment = {
        "AzureFunctionsJobHost__Extensions__Queues__BatchSize": "2",
        "AzureFunctionsJobHost__extensions__http__routePrefix": "",
        "AzureFunctionsJobHost__extensions__queues__newBatchThreshold": "0",
    }
    found = host_settings(tmp_path, document, environment)
    assert (found.queues.batch_size, found.queues.threshold, found.http.route_prefix) == (2, 0, "")


@pytest.mark.parametrize(
    "queues", [{"batchSize": 33}, {"messageEncoding": "utf8"}, {"visibilityTimeout": "soon"}, {"batchSize": "many"}]
)
def test_a_wrong_value_in_host_json_is_refused(tmp_path, queues):
    with pytest.raises(SettingsError, match="extensions"):
        host_settings(tmp_path, {"extensions": {"queues": queues}})


def test_a_folder_without_host_json_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"host\.json"):
        settings.load_host_settings(tmp_path, {})


def test_settings_in_percent_signs_are_resolved_or_named():
    assert settings.resolve("%A%/x-%B%", {"A": "1", "B": "2"}) == "1/x-2"
    with pytest.raises(SettingsError, match="'B'"):
        settings.resolve("%B%", {})


@pytest.mark.parametrize(("span", "seconds"), [("00:00:30", 30), ("1.02:00:00", 93600), ("00:00:00.5", 0.5)])
def test_a_duration_is_read(span, seconds):
    assert settings.seconds(span) == seconds


def line(request: str, status: int) -> str:
    return f'127.0.0.1 - - [21/Nov/2026:09:22:29 +0000] "{request} HTTP/1.1" {status} -'


@pytest.mark.parametrize(
    ("request_line", "status", "meaning"),
    [
        ("PUT /acc/in/a%20b/%C3%BC.csv", 201, BlobWritten("acc", "in", "a b/ü.csv", "PutBlob")),
        ("PUT /acc/in/x?comp=blocklist&sv=1&sig=abc", 201, BlobWritten("acc", "in", "x", "PutBlockList")),
        ("PUT /acc/in/x", 202, BlobWritten("acc", "in", "x", "CopyBlob")),
        ("PUT /acc/in/messages", 201, BlobWritten("acc", "in", "messages", "PutBlob")),
        ("PUT /acc/in/x?comp=block&blockid=1", 201, None),
        ("PUT /acc/in/x?comp=appendblock", 201, None),
        ("PUT /acc/in/x?comp=page", 201, None),
        ("PUT /acc/in/x?comp=metadata", 200, None),
        ("PUT /acc/in/x?comp=lease", 201, None),
        ("PUT /acc/in?restype=container", 201, None),
        ("PUT /acc/in/x", 409, None),
        ("GET /acc/in/x", 200, None),
        ("POST /acc/work/messages", 201, MessagePut("acc", "work", 0)),
        ("POST /acc/work/messages?visibilitytimeout=30&messagettl=-1", 201, MessagePut("acc", "work", 30)),
        ("PUT /acc/work/messages/id?popreceipt=x&visibilitytimeout=5", 204, MessagePut("acc", "work", 5)),
        ("POST /acc/work/messages", 404, None),
        ("GET /acc/work/messages", 200, None),
        ("DELETE /acc/work/messages/id?popreceipt=x", 204, None),
    ],
)
def test_a_line_of_the_access_log_is_understood(request_line, status, meaning):
    assert accesslog.understand(line(request_line, status)) == meaning


@given(st.text())
def test_no_line_of_the_access_log_breaks_the_player(text):
    accesslog.understand(text)


def test_the_tail_starts_at_the_end_and_gives_whole_lines_only(tmp_path):
    path = tmp_path / "access.log"
    path.write_text("old\n")
    tail = Tail(path)
    with path.open("a") as log:
        log.write("new\nhal")
        log.flush()
        assert tail.new_lines() == ["new"]
        log.write("f\n")
    assert tail.new_lines() == ["half"]
    path.write_text("x\n")
    assert tail.new_lines() == ["x"]


def test_the_tail_waits_for_a_file_that_is_not_there_yet(tmp_path):
    tail = Tail(tmp_path / "later.log")
    assert tail.new_lines() == []
    (tmp_path / "later.log").write_text("first\n")
    assert tail.new_lines() == ["first"]


def test_signatures_and_keys_are_redacted():
    text = "http://h/c/b?sv=1&sig=abc%2B&se=2 AccountKey=xyz==;Blob http://h/api?code=secret&x=1"
    assert redact(text) == (
        "http://h/c/b?sv=1&sig=[redacted]&se=2 AccountKey=[redacted];Blob http://h/api?code=[redacted]&x=1"
    )


def test_the_command_line_is_read():
    given_options = options.parse(
        ["--app", "x", "--port", "0", "--event-grid-chaos", "duplicate=0.5,reorder=2", "--set", "A=b=c"]
    )
    assert given_options.chaos == options.Chaos(duplicate=0.5, reorder=2.0)
    assert given_options.overrides == {"A": "b=c"}
    assert given_options.hide_time == 600


@pytest.mark.parametrize("arguments", [["--hide-time", "0"], ["--event-grid-chaos", "duplicate=often"], ["--set", "A"]])
def test_a_mistake_on_the_command_line_is_refused(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        options.parse(["--app", "x", *arguments])
    assert "error" in capsys.readouterr().err
