"""One function for each kind of trigger; what they saw goes to the queue "seen"."""

import json
import logging
import typing

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


def report(**what: object) -> str:
    return json.dumps({"saw": what})


@app.blob_trigger(arg_name="data", path="by-event/{path}", connection=STORAGE, source=func.BlobSource.EVENT_GRID)
@app.queue_output(arg_name="seen", queue_name="seen", connection=STORAGE)
def on_event(data: func.InputStream, seen: func.Out[str]) -> None:
    seen.set(report(function="on_event", name=data.name, length=data.length, text=data.read().decode()))


@app.blob_trigger(arg_name="data", path="by-reference/{path}", connection=STORAGE, source=func.BlobSource.EVENT_GRID)
@app.queue_output(arg_name="seen", queue_name="seen", connection=STORAGE)
def on_reference(data: blob.BlobClient, seen: func.Out[str]) -> None:
    text = data.download_blob().readall().decode()
    seen.set(report(function="on_reference", name=data.blob_name, kind=type(data).__name__, text=text))


@app.blob_trigger(arg_name="data", path="by-polling/{path}.csv", connection=STORAGE)
@app.queue_output(arg_name="seen", queue_name="seen", connection=STORAGE)
def on_scan(data: func.InputStream, seen: func.Out[str]) -> None:
    seen.set(report(function="on_scan", name=data.name, text=data.read().decode()))


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection=STORAGE)
@app.queue_output(arg_name="seen", queue_name="seen", connection=STORAGE)
async def on_message(message: func.QueueMessage, seen: func.Out[str]) -> None:
    logging.info("a line of the app about sig=verysecret&sv=1")
    seen.set(
        report(
            function="on_message",
            id=message.id,
            attempt=message.dequeue_count,
            inserted=str(message.insertion_time),
            expires=str(message.expiration_time),
            body=message.get_body().decode(),
        )
    )


@app.timer_trigger(arg_name="timer", schedule="%TICK%", run_on_startup=False)
@app.queue_output(arg_name="ticks", queue_name="ticks", connection=STORAGE)
def tick(timer: func.TimerRequest, ticks: func.Out[str]) -> None:
    ticks.set(report(pastDue=timer.past_due, status=timer.schedule_status))


@app.route(route="echo/{name}/{number:int?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    body = {
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode(),
    }
    headers = {"x-made-by": "echo", "Set-Cookie": "taste=good; Path=/; HttpOnly"}
    return func.HttpResponse(json.dumps(body), status_code=201, headers=headers, mimetype="application/json")


@app.route(route="echo/special", methods=["GET"])
def special(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("special")


@app.route(route="breaks")
def breaks(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("broken on purpose")


@app.route(route="answers/{kind}")
def answers(req: func.HttpRequest) -> str:
    kinds: dict[str, typing.Any] = {
        "text": "just text",
        "object": json.dumps({"body": {"a": 1}, "statusCode": 418, "headers": {"x-kind": "object"}}),
        "none": None,
    }
    return kinds[req.route_params["kind"]]


@app.route(route="blob")
@app.blob_output(arg_name="copy", path="written/by-output.bin", connection=STORAGE)
def write_blob(req: func.HttpRequest, copy: func.Out[bytes]) -> func.HttpResponse:
    copy.set(req.get_body())
    return func.HttpResponse(status_code=202)


@app.route(route="fan")
@app.queue_output(arg_name="fan", queue_name="made-by-output", connection=STORAGE)
def fan_out(req: func.HttpRequest, fan: func.Out[typing.List[str]]) -> func.HttpResponse:  # noqa: UP006 - the worker
    fan.set(["one", json.dumps({"n": 2})])
    return func.HttpResponse(status_code=202)


@app.route(route="output/{outcome}")
@app.queue_output(arg_name="late", queue_name="late", connection=STORAGE)
def output_and(req: func.HttpRequest, late: func.Out[str]) -> func.HttpResponse:
    outcome = req.route_params["outcome"]
    late.set("x" * 70_000 if outcome == "too-big" else outcome)
    if outcome == "fail":
        raise RuntimeError("failed after setting an output")
    return func.HttpResponse(outcome)


@app.route(route="{ignored:maxlength(0)?}")
def start_page(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("the app's own start page")
