"""The Swagger 2.0 document of an endpoint: what goes in, what comes out, under the names the service used."""

from typing import Any
from urllib.parse import urlsplit

from local.services.engine.outputs import LABELS, METRICS, SCORED
from local.services.engine.records import Column
from local.services.studio.records import Endpoint, Graph, Port

_STRING, _NUMBER = {"type": "string"}, {"type": "number", "format": "double"}
_JOB_ID = {"name": "jobId", "in": "path", "required": True, "type": "string", "description": "id of the job"}
_VERSION = "api-version=2.0"


def document(endpoint: Endpoint, title: str, origin: str) -> dict[str, Any]:
    """The document; `origin` is the address the caller reached us by."""
    address = urlsplit(origin)
    return {
        "swagger": "2.0",
        "info": {"version": "2.0", "title": title, "description": endpoint.description or ""},
        "host": address.netloc,
        "schemes": [address.scheme],
        "basePath": endpoint.path,
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": _paths(endpoint.graph),
        "securityDefinitions": {
            "apiKey": {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer <key>"}
        },
        "security": [{"apiKey": []}],
        "definitions": _definitions(endpoint.graph),
    }


def _paths(graph: Graph) -> dict[str, Any]:
    paths: dict[str, Any] = {
        "/swagger.json": {"get": _call("getSwaggerDocument", None, {"type": "object"}, secure=False)}
    }
    if graph.kind == "predictive":
        execute = _call("execute", "ExecutionRequest", {"$ref": "#/definitions/ExecutionResults"})
        paths[f"/execute?{_VERSION}&format=swagger"] = {"post": execute}
    status = {"$ref": "#/definitions/BatchExecutionStatus"}
    paths[f"/jobs?{_VERSION}"] = {"post": _call("submitjob", "BatchExecutionRequest", _STRING)}
    paths[f"/jobs/{{jobId}}/start?{_VERSION}"] = {"post": _call("startjob", None, None, _JOB_ID)}
    paths[f"/jobs/{{jobId}}?{_VERSION}"] = {
        "get": _call("getjobstatus", None, status, _JOB_ID),
        "delete": _call("canceljob", None, None, _JOB_ID),
    }
    return paths


def _call(
    name: str, body: str | None, answer: dict[str, Any] | None, *parameters: dict[str, Any], secure: bool = True
) -> dict[str, Any]:
    schema = {"$ref": f"#/definitions/{body}"}
    given = [*parameters, *([{"name": "request", "in": "body", "required": True, "schema": schema}] if body else [])]
    success = {"description": "Success", **({"schema": answer} if answer else {})}
    failure = {"description": "Error", "schema": {"$ref": "#/definitions/ErrorResponse"}}
    call = {"operationId": name, "parameters": given, "responses": {"200": success, "default": failure}}
    return call if secure else {**call, "security": []}


def _definitions(graph: Graph) -> dict[str, Any]:
    inputs = {f"{name}Item": _item({column.name: _type(column) for column in graph.columns}) for name in graph.inputs}
    outputs = {f"{port.name}Item": _output_item(graph, port) for port in graph.outputs}
    return {**_fixed(graph), **inputs, **outputs, **(_execution(graph) if graph.kind == "predictive" else {})}


def _item(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _type(column: Column) -> dict[str, Any]:
    return {**(_NUMBER if column.kind == "number" else _STRING), "x-ms-isnullable": True}


def _output_item(graph: Graph, port: Port) -> dict[str, Any]:
    if port.kind == "model":
        return {**_item({}), "description": "Trained model; its blob's name must end in .ilearner"}
    if port.kind == "evaluation":
        return {**_item(dict.fromkeys(METRICS[graph.task], _NUMBER)), "description": "Evaluation of the trained model"}
    if port.kind == "holdout":
        return {**_item({}), "description": "Rows of the data that the model was not trained on"}
    label = _NUMBER if graph.task == "regression" else _STRING
    return _item({name: label if name == LABELS else _NUMBER for name in SCORED[graph.task]})


def _execution(graph: Graph) -> dict[str, Any]:
    example = {
        column.name: "0" if column.kind == "number" else next(iter(column.categories), "") for column in graph.columns
    }
    inputs = {name: _list_of(f"{name}Item") for name in graph.inputs}
    results = _item({port.name: _list_of(f"{port.name}Item") for port in graph.outputs})
    return {
        "ExecutionInputs": _item(inputs),
        "ExecutionRequest": {
            **_item({"Inputs": _ref("ExecutionInputs"), "GlobalParameters": _ref("GlobalParameters")}),
            "required": ["Inputs", "GlobalParameters"],
            "example": {"Inputs": {name: [example] for name in graph.inputs}, "GlobalParameters": {}},
        },
        "ExecutionResults": _item({"Results": results}),
    }


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _fixed(graph: Graph) -> dict[str, Any]:
    blob = _ref("AzureBlobDataReference")
    inputs = _item(dict.fromkeys(graph.inputs, blob))
    outputs = _item({port.name: {**blob, "description": _described(port)} for port in graph.outputs})
    values = {
        name: {**_STRING, **({"default": value} if value is not None else {})}
        for name, value in graph.parameters.items()
    }
    required = [name for name, value in graph.parameters.items() if value is None]
    states = {"type": "string", "enum": ["NotStarted", "Running", "Failed", "Cancelled", "Finished"]}
    names = ("ConnectionString", "RelativeLocation", "BaseLocation", "SasBlobToken")
    return {
        "AzureBlobDataReference": _item(dict.fromkeys(names, _STRING)),
        "GlobalParameters": {**_item(values), **({"required": required} if required else {})},
        "BatchExecutionRequest": _item(
            {"Inputs": inputs, "Outputs": outputs, "GlobalParameters": _ref("GlobalParameters")}
        ),
        "BatchExecutionStatus": _item({"StatusCode": states, "Results": outputs, "Details": _STRING}),
        "ErrorResponse": _item(
            {
                "error": _item(
                    {
                        "code": _STRING,
                        "message": _STRING,
                        "details": {"type": "array", "items": _item({"code": _STRING, "message": _STRING})},
                    }
                )
            }
        ),
    }


def _described(port: Port) -> str:
    kinds = {
        "model": "trained model (.ilearner)",
        "evaluation": "evaluation (.csv)",
        "holdout": "rows held back (.csv)",
        "scores": "scored rows (.csv)",
    }
    return kinds[port.kind]
