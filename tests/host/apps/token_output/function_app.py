"""An output whose path holds a token of the trigger: this host says that it cannot do that."""

import azure.functions as func

app = func.FunctionApp()


@app.blob_trigger(arg_name="data", path="incoming/{name}", connection="AzureWebJobsStorage")
@app.blob_output(arg_name="copy", path="processed/{name}", connection="AzureWebJobsStorage")
def incoming(data: func.InputStream, copy: func.Out[bytes]) -> None:
    copy.set(data.read())
