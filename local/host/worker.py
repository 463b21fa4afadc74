"""Drives Microsoft's worker library: loads and validates the app, runs one invocation.

The library keeps its registry in module globals, so there is one app for each process.
Not here: what feeds a trigger (queues, blobs, timers, web), what becomes of outputs (outputs.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import azure_functions_runtime as runtime
import msgspec
from azure_functions_runtime import handle_event

from local.host.protos import PROTOS, Parameter, Record, StatusResult, TypedData

TRIGGERS = {"blobTrigger": "blob", "queueTrigger": "queue", "timerTrigger": "timer", "httpTrigger": "http"}
OUTPUTS = {"queue", "blob", "http"}


class LoadError(Exception):
    """The app could not be loaded; in Azure it would show 0 functions."""


class Function(msgspec.Struct, frozen=True):
    """One function of the app: its name, the worker's id, its trigger and outputs as in function.json."""

    name: str
    id: str
    trigger: dict[str, Any]
    outputs: tuple[dict[str, Any], ...]
    bindings: tuple[dict[str, Any], ...]

    @property
    def kind(self) -> str:
        """blob, queue, timer or http."""
        return TRIGGERS[self.trigger["type"]]

    @property
    def full_name(self) -> str:
        """The name that storage state and the Event Grid webhook use."""
        return f"Host.Functions.{self.name}"

    @property
    def takes_reference(self) -> bool:
        """Whether the trigger's parameter is an SDK type, made from a reference instead of bytes."""
        return bool(self.trigger.get("properties", {}).get("SupportsDeferredBinding"))


class Answer(msgspec.Struct, frozen=True):
    """What the worker says about one invocation. `outputs` are (parameter, value), only set on success."""

    ok: bool
    returned: Any = None
    outputs: tuple[tuple[str, Any], ...] = ()
    message: str = ""
    traceback: str = ""


async def load(app: Path) -> list[Function]:
    """Import the app with the worker's own validation.

    Raises LoadError with the worker's reason, or for a kind of binding this host does not play.
    """
    sys.path.insert(0, str(app))
    os.chdir(app)
    runtime.start_threadpool_executor()
    request = Record(
        request=Record(worker_init_request=Record(capabilities={}, function_app_directory=str(app))),
        properties={"host": "127.0.0.1", "protos": PROTOS},
    )
    response = await runtime.worker_init_request(request)
    if response.result.status != StatusResult.Success:
        fault = response.result.exception
        raise LoadError(f"{app}: 0 functions, because loading failed\n{fault.stack_trace or fault.message}")
    found = [_function(metadata) for metadata in handle_event._metadata_result or ()]
    if not found:
        raise LoadError(f"{app}: 0 functions found; function_app.py must hold a FunctionApp with decorated functions")
    return found


async def invoke(
    function: Function, invocation_id: str, value: TypedData, metadata: Mapping[str, TypedData] | None = None
) -> Answer:
    """Run one invocation: async functions on this loop, others in the worker's pool. Never raises for app errors."""
    call = Record(
        invocation_id=invocation_id,
        function_id=function.id,
        input_data=[Parameter(function.trigger["name"], value)],
        trigger_metadata=dict(metadata or {}),
        trace_context=Record(trace_parent="", trace_state="", attributes={}),
        retry_context=Record(retry_count=0, max_retry_count=0, exception=Record(source="", stack_trace="", message="")),
    )
    response = await runtime.invocation_request(Record(request=Record(invocation_request=call)))
    if response.result.status != StatusResult.Success:
        fault = response.result.exception
        return Answer(ok=False, message=fault.message, traceback=fault.stack_trace)
    outputs = tuple((output.name, output.data) for output in response.output_data)
    return Answer(ok=True, returned=response.return_value, outputs=outputs)


def stop() -> None:
    """End the worker's thread pool after what runs in it has finished."""
    runtime.stop_threadpool_executor()


def _function(metadata: Any) -> Function:
    bindings = tuple(msgspec.json.decode(raw) for raw in metadata.raw_bindings)
    triggers = [binding for binding in bindings if binding["type"] in TRIGGERS]
    outputs = tuple(binding for binding in bindings if binding["direction"] == "OUT")
    others = [binding["type"] for binding in bindings if binding not in triggers and binding not in outputs]
    strange = others + [binding["type"] for binding in outputs if binding["type"] not in OUTPUTS]
    if strange or len(triggers) != 1:
        raise LoadError(
            f"function {metadata.name}: this host plays one trigger of {', '.join(TRIGGERS)} and the"
            f" outputs {', '.join(sorted(OUTPUTS))}; found also {', '.join(strange) or 'no trigger'}"
        )
    return Function(metadata.name, metadata.function_id, triggers[0], outputs, bindings)
