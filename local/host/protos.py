"""Plain records in place of the gRPC messages between host and worker.

`azure-functions-runtime` takes its message classes as an argument, so records that answer `WhichOneof` are enough.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class Record(SimpleNamespace):
    """A message whose members may be left out; a missing one is None, as an unset field."""

    def __getattr__(self, _name: str) -> Any:
        return None


class TypedData(SimpleNamespace):
    """A value tagged with its kind: string, json, bytes, http, int, double or model_binding_data."""

    def __init__(self, **member: Any) -> None:
        ((self.kind, self.value),) = member.items()
        super().__init__(**member)

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's spelling
        """Name of the member that is set."""
        return self.kind


class Parameter(SimpleNamespace):
    """A named value on its way in or out."""

    def __init__(self, name: str, data: TypedData) -> None:
        super().__init__(name=name, data=data)

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's spelling
        """Always the data itself; shared memory is not offered."""
        return "data"


class StatusResult(Record):
    """Outcome of a request to the worker."""

    Failure = 0
    Success = 1


class BindingInfo(Record):
    """Direction constants of a binding, as the worker's validation compares them."""

    undefined = 0
    out = 1
    inout = 2


class RpcHttpCookie(Record):
    """A cookie of an HTTP answer."""

    SameSite = SimpleNamespace(**{"None": "", "Lax": "Lax", "Strict": "Strict", "ExplicitNone": "None"})


PROTOS = SimpleNamespace(
    StatusResult=StatusResult,
    BindingInfo=BindingInfo,
    TypedData=TypedData,
    ParameterBinding=Parameter,
    RpcHttpCookie=RpcHttpCookie,
    **dict.fromkeys(
        (
            *("WorkerInitResponse", "WorkerMetadata", "RpcFunctionMetadata", "RpcRetryOptions", "RpcException"),
            *("InvocationResponse", "RpcHttp", "NullableString", "NullableBool", "NullableDouble"),
            *("NullableTimestamp", "Timestamp"),
        ),
        Record,
    ),
)
