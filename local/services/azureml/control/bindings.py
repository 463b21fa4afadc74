"""Inputs and outputs of jobs and steps, however they are written, and the expressions that bind one to another.

Job bodies write `{"jobInputType", "uri" | "value"}`, steps of pipelines `{"job_input_type", "value"}`, components of
files `{"type", "path"}` or a bare text; `${{parent.inputs.x}}`, `${{parent.outputs.x}}` and
`${{parent.jobs.step.outputs.x}}` stand for what is elsewhere.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

LITERAL = "literal"
BINDING = re.compile(r"\$\{\{\s*([A-Za-z_][A-Za-z0-9_.]*)\s*\}\}")
_LITERALS = ("number", "integer", "boolean", "string", "enum")


class Given(msgspec.Struct, frozen=True):
    """An input: a text as it is (`literal`), or a URI of data or a model of the type."""

    type: str
    value: str


class Wanted(msgspec.Struct, frozen=True):
    """An output: its type, and its URI or binding if somebody says where it goes."""

    type: str
    uri: str | None = None


class Unbound(ValueError):
    """An expression that binds to nothing; the message says what there is."""


def given(value: Any) -> Given | None:
    """An input in any of its forms; None for one that is not given."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return Given(LITERAL, text(value))
    members = lowered(value)
    kind = str(members.get("jobinputtype") or members.get("type") or LITERAL)
    found = members.get("uri", members.get("path"))
    if found is None:
        found = members.get("value")
    if found is None:
        return None
    return Given(LITERAL if kind in _LITERALS else snake(kind), text(found))


def wanted(value: Any) -> Wanted:
    """An output in any of its forms."""
    if not isinstance(value, Mapping):
        return Wanted("uri_folder", text(value) if value else None)
    members = lowered(value)
    kind = str(members.get("joboutputtype") or members.get("type") or "uri_folder")
    uri = members.get("uri") or members.get("path") or members.get("value")
    return Wanted("uri_folder" if kind == LITERAL else snake(kind), str(uri) if uri else None)


def lowered(value: Mapping[str, Any]) -> dict[str, Any]:
    """Members by their names in lower case, without underscores."""
    return {name.replace("_", "").lower(): inner for name, inner in value.items()}


def snake(kind: str) -> str:
    """`UriFolder` and `uri_folder` as `uri_folder`; `MLFlowModel` as `mlflow_model`."""
    plain = kind.replace("_", "").lower()
    return {
        "urifile": "uri_file",
        "urifolder": "uri_folder",
        "mltable": "mltable",
        "custommodel": "custom_model",
        "mlflowmodel": "mlflow_model",
        "tritonmodel": "triton_model",
    }.get(plain, plain)


def text(value: Any) -> str:
    """A value as it stands in a command."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def bound(value: str) -> tuple[str, ...] | None:
    """The parts of an expression that is the whole value: `("parent", "inputs", "x")`."""
    found = BINDING.fullmatch(value.strip())
    return tuple(found[1].split(".")) if found else None


def steps_needed(values: Iterable[str]) -> set[str]:
    """Steps whose outputs the values are bound to."""
    parts = (bound(value) or () for value in values)
    return {part[2] for part in parts if part[:2] == ("parent", "jobs") and len(part) == 5}
