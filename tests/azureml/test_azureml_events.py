"""Events of a workspace reach the webhooks that want them: handshakes, envelopes, filters, and bad manners."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from local.services.client import ServiceRefused

from .lab import IN, Lab, until

CLOUD = "CloudEventSchemaV1_0"
RUN = "Microsoft.MachineLearningServices.RunStatusChanged"


class Webhook:
    """A real webhook: what it got, and how it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], Any]] = []
        self.answers: list[int] = []
        """Statuses of the next deliveries; 200 when there are none left."""
        self.validates = True
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = hook.take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_OPTIONS(self) -> None:
                self.send_response(200)
                if hook.validates:
                    self.send_header("WebHook-Allowed-Origin", self.headers["WebHook-Request-Origin"])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?code=secret"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, headers: dict[str, str], body: Any) -> tuple[int, bytes]:
        """Answers one delivery."""
        self.got.append((headers, body))
        if headers["aeg-event-type"] == "SubscriptionValidation" and self.validates:
            return 200, json.dumps({"validationResponse": body[0]["data"]["validationCode"]}).encode()
        return (self.answers.pop(0) if self.answers else 200), b""

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """The events delivered, of a type whose name ends so."""
        bodies = [body for headers, body in self.got if headers["aeg-event-type"] == "Notification"]
        events = [body[0] if isinstance(body, list) else body for body in bodies]
        return [event for event in events if str(event.get("eventType") or event.get("type")).endswith(kind)]

    def statuses(self, run: str) -> list[str]:
        """The statuses that the events told of the run, in the order in which they came."""
        events = [event["data"] for event in self.events("RunStatusChanged")]
        return [data["runStatus"] for data in events if data["runId"] == run]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()


@pytest.fixture
def subscribed(lab: Lab, webhook: Webhook) -> Iterator[Webhook]:
    """The webhook, which wants every event in Event Grid's own schema."""
    assert lab.client.subscribe("all", webhook.url)["provisioningState"] == "Succeeded"
    yield webhook
    lab.client.arm("DELETE", "providers/Microsoft.EventGrid/eventSubscriptions/all")


def test_a_job_tells_of_every_status_and_of_its_completion(lab: Lab, subscribed: Webhook) -> None:
    name = lab.trained(tags={"OperationId": "7"})
    until(lambda: len(subscribed.statuses(name)) == 6)
    assert set(subscribed.statuses(name)) == {
        "NotStarted",
        "Queued",
        "Preparing",
        "Running",
        "Finalizing",
        "Completed",
    }
    until(lambda: bool(subscribed.events("RunCompleted")))
    event = subscribed.events("RunCompleted")[0]
    assert (event["topic"], event["data"]["runId"], event["data"]["runTags"]) == (
        lab.client.scope,
        name,
        {"OperationId": "7"},
    )
    assert event["subject"] == f"experiments/{event['data']['experimentId']}/runs/{name}"
    assert "runStatus" not in event["data"]


def test_a_registered_model_is_told_of_once(lab: Lab, subscribed: Webhook) -> None:
    for _ in range(2):  # the second changes tags only
        lab.client.register_model("told", "3", IN + "told.ilearner", tags={"a": "b"})
    until(lambda: bool(subscribed.events("ModelRegistered")))
    (event,) = subscribed.events("ModelRegistered")
    assert event["subject"] == "models/told:3"
    assert event["data"] == {
        "ModelName": "told",
        "ModelVersion": 3,
        "ModelTags": {"a": "b"},
        "ModelProperties": {},
    }


@pytest.mark.parametrize(("casing", "member"), [("camel", "modelName"), ("pascal", "ModelName")])
def test_members_are_cased_as_the_switch_says(lab: Lab, subscribed: Webhook, casing: str, member: str) -> None:
    lab.client.switches(eventCasing=casing, eventModelVersion="text")
    lab.client.register_model(f"cased-{casing}", "1", IN + "x.ilearner")
    until(lambda: bool(subscribed.events("ModelRegistered")))
    assert member in subscribed.events("ModelRegistered")[0]["data"]


def test_cloud_events_come_alone_and_with_their_content_type(lab: Lab, webhook: Webhook) -> None:
    assert lab.client.subscribe("cloud", webhook.url, CLOUD)["provisioningState"] == "Succeeded"
    lab.client.register_model("cloudy", "1", IN + "x.ilearner")
    until(lambda: bool(webhook.events()))
    headers, body = webhook.got[-1]
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert (body["specversion"], body["source"]) == ("1.0", lab.client.scope)
    lab.client.arm("DELETE", "providers/Microsoft.EventGrid/eventSubscriptions/cloud")


@pytest.mark.parametrize(("schema", "state"), [("EventGridSchema", "AwaitingManualAction"), (CLOUD, "Failed")])
def test_a_webhook_that_does_not_prove_itself_gets_no_events(
    lab: Lab, webhook: Webhook, schema: str, state: str
) -> None:
    webhook.validates = False
    assert lab.client.subscribe("unproven", webhook.url, schema)["provisioningState"] == state
    lab.trained()
    assert webhook.events() == []
    lab.client.arm("DELETE", "providers/Microsoft.EventGrid/eventSubscriptions/unproven")


def test_a_webhook_is_proven_by_hand(lab: Lab, webhook: Webhook) -> None:
    webhook.validates = False
    lab.client.subscribe("by-hand", webhook.url)
    assert requests.get(webhook.got[0][1][0]["data"]["validationUrl"], timeout=10).ok
    found = lab.client.arm("GET", "providers/Microsoft.EventGrid/eventSubscriptions/by-hand")["properties"]
    assert found["provisioningState"] == "Succeeded"
    lab.client.arm("DELETE", "providers/Microsoft.EventGrid/eventSubscriptions/by-hand")


def test_a_filter_lets_through_what_is_wanted_only(lab: Lab, webhook: Webhook) -> None:
    lab.client.subscribe(
        "ends",
        webhook.url,
        includedEventTypes=[RUN],
        advancedFilters=[{"operatorType": "StringIn", "key": "data.RunStatus", "values": ["completed", "failed"]}],
    )
    good, bad = lab.trained(), lab.train(command="python mine.py")
    until(lambda: len(webhook.events()) == 2)
    assert (webhook.statuses(good), webhook.statuses(bad)) == (["Completed"], ["Failed"])
    lab.client.arm("DELETE", "providers/Microsoft.EventGrid/eventSubscriptions/ends")


def test_an_event_is_delivered_again_until_it_is_taken(lab: Lab, subscribed: Webhook) -> None:
    lab.client.switches(eventRetryDelay=0.05)
    subscribed.answers = [503, 500]
    lab.client.register_model("again", "1", IN + "x.ilearner")
    until(lambda: len(subscribed.events()) == 3)
    assert len({event["id"] for event in subscribed.events()}) == 1
    counts = [headers["aeg-delivery-count"] for headers, _ in subscribed.got if "aeg-delivery-count" in headers]
    assert counts[-3:] == ["0", "1", "2"]


def test_an_event_is_given_up_when_the_webhook_calls_it_wrong(lab: Lab, subscribed: Webhook) -> None:
    lab.client.switches(eventRetryDelay=0.01)
    subscribed.answers = [400]
    lab.client.register_model("wrong", "1", IN + "x.ilearner")
    lab.client.register_model("wrong", "2", IN + "x.ilearner")
    until(lambda: len(subscribed.events()) == 2)
    assert len({event["subject"] for event in subscribed.events()}) == 2


def test_events_come_twice_and_out_of_order_when_the_switches_say_so(lab: Lab, subscribed: Webhook) -> None:
    lab.client.switches(eventCopies=2, eventDisorder=4.0)
    name = lab.trained()
    until(lambda: len(subscribed.statuses(name)) == 12)
    seen = subscribed.statuses(name)
    assert seen.index("Completed") < len(seen) - 1 - seen[::-1].index("NotStarted")


def test_events_are_late_when_the_switch_says_so(lab: Lab, subscribed: Webhook) -> None:
    lab.client.switches(eventDelay=1.5)
    lab.client.register_model("late", "1", IN + "x.ilearner")
    assert subscribed.events() == []
    until(lambda: bool(subscribed.events("ModelRegistered")))


def test_the_secret_of_an_address_is_shown_on_request_only(lab: Lab, subscribed: Webhook) -> None:
    path = "providers/Microsoft.EventGrid/eventSubscriptions/all"
    assert "secret" not in json.dumps(lab.client.arm("GET", path))
    assert lab.client.arm("POST", f"{path}/getFullUrl")["endpointUrl"] == subscribed.url


def test_a_subscription_is_refused_when_its_address_is_neither_https_nor_here(lab: Lab) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.client.subscribe("outside", "http://example.com/hook")
    assert refused.value.status == 400


def test_a_run_of_a_designers_pipeline_tells_of_its_statuses_too(lab: Lab, subscribed: Webhook) -> None:
    nodes = {"import": {"module": "Import Data", "fields": {"Datastore": "lab", "Path": "line.csv"}}}
    draft = lab.client.create_draft("Only reads", nodes, [])["id"]
    run = lab.client.submit_draft(draft, ExperimentName="designed")["Id"]
    until(lambda: len(subscribed.statuses(run)) == 3)
    assert set(subscribed.statuses(run)) == {"NotStarted", "Running", "Completed"}
