"""Functions that fail when the message or the blob's name says so; every attempt is written to the queue "tried"."""

import os

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob
from azure.storage.queue import QueueClient

app = func.FunctionApp()
STORAGE = "AzureWebJobsStorage"


def tried(what: str) -> None:
    with QueueClient.from_connection_string(os.environ[STORAGE], "tried") as queue:
        queue.send_message(what)


@app.queue_trigger(arg_name="message", queue_name="work", connection=STORAGE)
def work(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    tried(f"{text} {message.dequeue_count}")
    if "fail" in text:
        raise RuntimeError("asked to fail")


@app.blob_trigger(arg_name="data", path="incoming/{path}", connection=STORAGE, source=func.BlobSource.EVENT_GRID)
def incoming(data: blob.BlobClient) -> None:
    tried(data.blob_name)
    if "fail" in data.blob_name:
        raise RuntimeError("asked to fail")
