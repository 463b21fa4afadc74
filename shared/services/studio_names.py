"""Which inputs, outputs and parameters a Studio web service has, read out of its Swagger document."""

from __future__ import annotations

from typing import Any

import msgspec


class Names(msgspec.Struct, frozen=True):
    """The inputs, outputs and global parameters that a service has, as far as its Swagger document tells."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        def listed(names: tuple[str, ...]) -> str:
            return ", ".join(names) or "none"

        return (
            f"inputs {listed(self.inputs)}; outputs {listed(self.outputs)}; "
            f"global parameters {listed(self.parameters)} (case matters)"
        )


def names_in(swagger: Any) -> Names:
    """Reads names out of `swagger.json`: the batch request's definition first, then the request-response ones."""
    definitions = swagger.get("definitions", {}) if isinstance(swagger, dict) else {}

    def members(*paths: tuple[str, str]) -> tuple[str, ...]:
        for definition, member in paths:
            found = _properties(definitions, definitions.get(definition, {})).get(member, {})
            names = tuple(_properties(definitions, found))
            if names:
                return names
        return ()

    return Names(
        members(("BatchExecutionRequest", "Inputs"), ("ExecutionRequest", "Inputs")),
        members(("BatchExecutionRequest", "Outputs"), ("ExecutionResults", "Results")),
        members(("BatchExecutionRequest", "GlobalParameters"), ("ExecutionRequest", "GlobalParameters")),
    )


def _properties(definitions: dict[str, Any], schema: Any) -> dict[str, Any]:
    for _ in range(5):  # a reference to a reference is enough; a ring must not hang us
        reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
        if not reference:
            break
        schema = definitions.get(reference.rpartition("/")[2], {})
    found = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return found if isinstance(found, dict) else {}
