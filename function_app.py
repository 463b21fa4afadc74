"""Every trigger of the app: decode, one call into `retrain`, encode. What they do is told in docs/triggers.md."""

from __future__ import annotations

import os
from collections.abc import Callable

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

from retrain import advance, landing, paths, production, reconcile
from retrain.errors import RetrainError
from retrain.messages import (
    EVALUATION_QUEUE,
    REQUESTS_QUEUE,
    TRAINING_QUEUE,
    RunRequest,
    Settle,
    decode,
    step_or_settle,
)
from retrain.ports import Ports
from retrain.run import Actor
from shared.api import events, pages, routes
from shared.api.http import Reply, Request, failure
from shared.log import quiet_libraries
from shared.wiring import ports

quiet_libraries()
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
STORAGE = "AzureWebJobsStorage"
EVENTS = os.environ.get("RETRAIN_BLOB_SOURCE", "EventGrid").lower() == "eventgrid"
PUBLIC_URL = os.environ.get("RETRAIN_PUBLIC_URL", "").rstrip("/")  # empty: the address that the caller used
TICK = os.environ.get("RETRAIN_TICK", "0 * * * * *")
SOURCE = func.BlobSource.EVENT_GRID if EVENTS else func.BlobSource.LOGS_AND_CONTAINER_SCAN
Handler = Callable[[Request, Ports], Reply]


@app.blob_trigger(arg_name="data", path=f"{paths.INBOX}/{{path}}", connection=STORAGE, source=SOURCE)
def training_data_landed(data: blob.BlobClient) -> None:
    """New training data starts a run. Takes a reference to the blob, never its bytes."""
    if (run := landing.arrived(f"{data.container_name}/{data.blob_name}", ports())) is not None:
        advance.drive(run, ports(), TRAINING_QUEUE)


if EVENTS:

    @app.blob_trigger(arg_name="model", path=f"{paths.CANDIDATES}/{{path}}", connection=STORAGE, source=SOURCE)
    def candidate_landed(model: blob.BlobClient) -> None:
        """A job wrote its model: look at the job now rather than at the next poll."""
        advance.wake(f"{model.container_name}/{model.blob_name}", ports())


@app.queue_trigger(arg_name="msg", queue_name=REQUESTS_QUEUE, connection=STORAGE)
def run_requested(msg: func.QueueMessage) -> None:
    """Another service asks for a run: plain JSON, or JSON in base64."""
    asked = decode(RunRequest, msg.get_body())
    cause = asked.idempotency_key or str(msg.id)
    landing.start(landing.request(asked, ports(), door="queue", actor=Actor(kind="queue"), cause=cause), ports())


@app.queue_trigger(arg_name="msg", queue_name=TRAINING_QUEUE, connection=STORAGE)
def training_step(msg: func.QueueMessage) -> None:
    """Drives a run through intake and training."""
    _step(msg, TRAINING_QUEUE)


@app.queue_trigger(arg_name="msg", queue_name=EVALUATION_QUEUE, connection=STORAGE)
def evaluation_step(msg: func.QueueMessage) -> None:
    """Drives a run through evaluation and promotion, and other changes of production to their end."""
    _step(msg, EVALUATION_QUEUE)


def _step(msg: func.QueueMessage, queue: str) -> None:
    message = step_or_settle(msg.get_body())
    if isinstance(message, Settle):
        production.settle(message, ports())
    else:
        advance.receive(message, ports(), queue=queue, redelivered=(msg.dequeue_count or 1) > 1)


@app.timer_trigger(arg_name="timer", schedule=TICK, run_on_startup=False)
def reconcile_tick(timer: func.TimerRequest) -> None:
    """Finds lost events and messages, drains poison, starts schedules, expires approvals, watches for drift."""
    reconcile.tick(ports())


def _answer(req: func.HttpRequest, handler: Handler) -> func.HttpResponse:
    base = PUBLIC_URL or "/".join(req.url.split("/", 3)[:3])
    request = Request(
        method=req.method,
        route=dict(req.route_params),
        query=dict(req.params),
        headers={name.lower(): value for name, value in req.headers.items()},
        body=req.get_body(),
        base=base,
    )
    try:
        reply = handler(request, ports())
    except RetrainError as error:
        reply = failure(error)
    return func.HttpResponse(
        reply.encoded(), status_code=reply.status, headers=dict(reply.headers), mimetype=reply.content_type
    )


@app.route(route="api/models", methods=["GET"])
def list_models(req: func.HttpRequest) -> func.HttpResponse:
    """Every model with what is live."""
    return _answer(req, routes.models)


@app.route(route="api/models/{model}", methods=["GET"])
def get_model(req: func.HttpRequest) -> func.HttpResponse:
    """One model, its champion and its changes."""
    return _answer(req, routes.model)


@app.route(route="api/doctor", methods=["GET"])
def examine_models(req: func.HttpRequest) -> func.HttpResponse:
    """What is right and wrong with every model."""
    return _answer(req, routes.examine)


@app.route(route="api/models/{model}/doctor", methods=["GET"])
def examine_model(req: func.HttpRequest) -> func.HttpResponse:
    """What is right and wrong with one model."""
    return _answer(req, routes.examine)


@app.route(route="api/models/{model}/runs", methods=["GET"])
def list_runs(req: func.HttpRequest) -> func.HttpResponse:
    """The newest runs of a model."""
    return _answer(req, routes.runs)


@app.route(route="api/models/{model}/runs", methods=["POST"])
def start_run(req: func.HttpRequest) -> func.HttpResponse:
    """The webhook: asks for a run."""
    return _answer(req, routes.start_run)


@app.route(route="api/models/{model}/promotions", methods=["POST"])
def propose_model(req: func.HttpRequest) -> func.HttpResponse:
    """Asks to judge a model that another system trained, and to put it live if the gate says so."""
    return _answer(req, routes.propose)


@app.route(route="api/models/{model}/uploads", methods=["POST"])
def create_upload(req: func.HttpRequest) -> func.HttpResponse:
    """A link to upload one file."""
    return _answer(req, routes.upload)


@app.route(route="api/models/{model}/adopt", methods=["POST"])
def adopt_model(req: func.HttpRequest) -> func.HttpResponse:
    """Records the live model as version 0."""
    return _answer(req, routes.adopt)


@app.route(route="api/models/{model}/rollback", methods=["POST"])
def rollback_model(req: func.HttpRequest) -> func.HttpResponse:
    """Puts the previous model back."""
    return _answer(req, routes.rollback)


@app.route(route="api/models/{model}/keep", methods=["POST"])
def keep_model(req: func.HttpRequest) -> func.HttpResponse:
    """Keeps a model that proved worse than the one before it."""
    return _answer(req, routes.keep)


@app.route(route="api/runs", methods=["GET"])
def list_open_runs(req: func.HttpRequest) -> func.HttpResponse:
    """Runs of all models that have not ended."""
    return _answer(req, routes.open_runs)


@app.route(route="api/runs/{run}", methods=["GET"])
def get_run(req: func.HttpRequest) -> func.HttpResponse:
    """One run with its history and decision."""
    return _answer(req, routes.run)


@app.route(route="api/runs/{run}/evidence", methods=["GET"])
def get_evidence(req: func.HttpRequest) -> func.HttpResponse:
    """What the gate judged a run by, row by row, as bytes."""
    return _answer(req, routes.evidence)


@app.route(route="api/runs/{run}/promote", methods=["POST"])
def promote_run(req: func.HttpRequest) -> func.HttpResponse:
    """PATCHes the endpoint with the run's model; `?dryRun=true` only shows how."""
    return _answer(req, routes.promote)


@app.route(route="api/runs/{run}/{act}", methods=["POST"])
def act_on_run(req: func.HttpRequest) -> func.HttpResponse:
    """approve, reject, cancel, replay, release."""
    return _answer(req, routes.act)


@app.route(route="api/events", methods=["POST", "OPTIONS"])
def events_arrived(req: func.HttpRequest) -> func.HttpResponse:
    """Event Grid tells of jobs: those who wait for them look at once. Also its handshakes."""
    return _answer(req, events.deliver)


@app.route(route="{ignored:maxlength(0)?}", methods=["GET"])
def status_page(req: func.HttpRequest) -> func.HttpResponse:
    """The page for people: what is live, and what became of the newest runs."""
    return _answer(req, pages.status)


@app.route(route="api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether the app works."""
    return _answer(req, routes.health)
