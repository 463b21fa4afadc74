"""Functions that take as long as they are told; the queue "seen" tells when they start and end."""

import asyncio
import os
import time

import azure.functions as func
from azure.storage.queue import QueueClient

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"
SEEN = QueueClient.from_connection_string(os.environ[STORAGE], "seen")


@app.queue_trigger(arg_name="message", queue_name="work", connection=STORAGE)
def work(message: func.QueueMessage) -> None:
    SEEN.send_message(f"start {message.dequeue_count}")
    time.sleep(float(message.get_body().decode()))
    SEEN.send_message(f"end {message.dequeue_count}")


@app.route(route="sleep/{seconds}")
async def sleep(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(float(req.route_params["seconds"]))
    return func.HttpResponse("slept")
