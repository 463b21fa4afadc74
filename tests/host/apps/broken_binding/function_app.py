"""Has a parameter without a binding, which only the real worker notices."""

import azure.functions as func

app = func.FunctionApp()


@app.blob_trigger(arg_name="data", path="incoming/{name}", connection="AzureWebJobsStorage")
def incoming(data: func.InputStream, name: str) -> None:
    return None
