"""The route that Event Grid delivers to: both of its handshakes, and events of jobs of Azure ML, which wake their runs.

An event says that something became of a job, never what: the service is asked. Others are answered and ignored.
Sources: "Azure Machine Learning as an Event Grid source"; "Endpoint validation" with either schema; CloudEvents 1.0,
HTTP web hooks for event delivery (4.1, 4.2).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from retrain import news
from retrain.errors import BadRequest
from retrain.ports import Ports
from shared.api import envelopes
from shared.api.envelopes import Event
from shared.api.http import Reply, Request
from shared.services.designer.addresses import workspace_in

log = logging.getLogger(__name__)

VALIDATION = "microsoft.eventgrid.subscriptionvalidationevent"
DELETION = "microsoft.eventgrid.subscriptiondeletedevent"
RUNS = frozenset(f"microsoft.machinelearningservices.{kind}" for kind in ("runcompleted", "runstatuschanged"))
GOING_ON = frozenset(
    {
        "notstarted", "unapproved", "pausing", "paused", "starting", "preparing", "provisioning", "queued", "running",
        "finalizing", "cancelrequested", "notresponding",
    }
)  # fmt: skip
"""States of a run that is not over, in lower case: that it got there is no reason to look at it."""
RATE = "120"  # events a minute, granted to a sender who names no rate of his own
AT_ONCE = 8  # jobs that are looked up beside each other
ORIGIN, ASKED_RATE = "webhook-request-origin", "webhook-request-rate"


def deliver(request: Request, ports: Ports) -> Reply:
    """Events: 200, with what became of them. OPTIONS, and the event that asks for it, get their handshake.

    Raises:
        BadRequest: nothing that was sent is an event.
    """
    if request.method.upper() == "OPTIONS":
        return _granted(request)
    delivery = envelopes.read(request.body, request.headers)
    woken = _wake(delivery.events, ports)
    for event in delivery.events:
        if event.kind.lower() == DELETION:
            log.warning("a subscription to events was deleted; what it told of is noticed later from now on")
        if event.kind.lower() == VALIDATION:
            return _validated(event)
    told: dict[str, Any] = {"events": len(delivery.events), "woken": woken}
    return Reply(200, told | ({"complaints": list(delivery.complaints)} if delivery.complaints else {}))


def _granted(request: Request) -> Reply:
    """The handshake of CloudEvents: who asks by OPTIONS may send, as often as he says."""
    origin, rate = request.headers.get(ORIGIN, ""), request.headers.get(ASKED_RATE, "")
    if not origin:
        raise BadRequest("OPTIONS is the handshake of CloudEvents and needs the header WebHook-Request-Origin")
    allowed = rate if rate.isascii() and rate.isdecimal() else RATE
    headers = {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": allowed}
    return Reply(200, headers=headers)


def _validated(event: Event) -> Reply:
    """The handshake of Event Grid's own schema: the code comes back."""
    code = event.told("validationcode")
    if not code:
        raise BadRequest("the event that asks for validation has no validationCode in its data")
    return Reply(200, {"validationResponse": code})


def _wake(events: Iterable[Event], ports: Ports) -> int:
    """How many runs look at their jobs now; a job that several events tell of is looked up once."""
    jobs = dict.fromkeys(filter(None, map(job_of, events)))
    if not jobs:
        return 0
    with ThreadPoolExecutor(min(AT_ONCE, len(jobs)), "events") as pool:
        return sum(pool.map(lambda job: news.heard(job[0], job[1], ports), jobs))


def job_of(event: Event) -> tuple[str, str] | None:
    """The workspace and the job that an event tells something new of; None of any other event."""
    if event.kind.lower() not in RUNS or event.told("runstatus").lower() in GOING_ON:
        return None
    workspace = workspace_in(event.source)
    job = event.told("runid") or event.subject.partition("/runs/")[2]
    return (workspace.lower(), job.lower()) if workspace and job else None
