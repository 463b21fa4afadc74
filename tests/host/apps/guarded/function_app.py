"""One HTTP function for each level of authorization, and a blob function for the webhook's key."""

import azure.functions as func

app = func.FunctionApp()
STORAGE = "AzureWebJobsStorage"


@app.route(route="open", auth_level=func.AuthLevel.ANONYMOUS)
def open_to_all(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.headers.get("x-ms-client-principal-name", "nobody"))


@app.route(route="keyed")
def keyed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("in")


@app.route(route="ruled", auth_level=func.AuthLevel.ADMIN)
def ruled(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("in")


@app.blob_trigger(arg_name="data", path="incoming/{path}", connection=STORAGE, source=func.BlobSource.EVENT_GRID)
@app.queue_output(arg_name="seen", queue_name="seen", connection=STORAGE)
def incoming(data: func.InputStream, seen: func.Out[str]) -> None:
    seen.set(data.name)
