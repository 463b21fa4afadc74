"""Which inputs, outputs and parameters a Studio web service has, read out of its Swagger document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.services.studio.blobs import MODEL_SUFFIX


class Names(msgspec.Struct, frozen=True):
    """The inputs, outputs and global parameters that a service has, as far as its Swagger document tells.

    `required` are the parameters without a default. `about` describes outputs in the service's own words. `columns` are
    those of each input and output that is a table.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    about: Mapping[str, str] = {}
    columns: Mapping[str, tuple[str, ...]] = {}

    @property
    def models(self) -> tuple[str, ...]:
        """The outputs that are described as a trained model."""
        return tuple(name for name in self.outputs if MODEL_SUFFIX in self.about.get(name, "").lower())

    @property
    def tables(self) -> tuple[str, ...]:
        """The outputs that are described as something else."""
        return tuple(name for name in self.outputs if self.about.get(name) and name not in self.models)

    def __str__(self) -> str:
        def listed(names: tuple[str, ...]) -> str:
            return ", ".join(names) or "none"

        return (
            f"inputs {listed(self.inputs)}; outputs {listed(self.outputs)}; "
            f"global parameters {listed(self.parameters)} (case matters)"
        )


def names_in(swagger: Any) -> Names:
    """Reads names out of `swagger.json`: the batch request's definition first, then the request-response ones."""
    found = swagger.get("definitions") if isinstance(swagger, dict) else None
    definitions: dict[str, Any] = found if isinstance(found, dict) else {}

    def members(*paths: tuple[str, str]) -> tuple[str, ...]:
        for definition, member in paths:
            found = _properties(definitions, definitions.get(definition, {})).get(member, {})
            names = tuple(_properties(definitions, found))
            if names:
                return names
        return ()

    def item(name: str) -> tuple[str, ...]:
        return tuple(_properties(definitions, definitions.get(f"{name}Item", {})))

    inputs = members(("BatchExecutionRequest", "Inputs"), ("ExecutionRequest", "Inputs"))
    outputs = members(("BatchExecutionRequest", "Outputs"), ("ExecutionResults", "Results"))
    return Names(
        inputs,
        outputs,
        members(("BatchExecutionRequest", "GlobalParameters"), ("ExecutionRequest", "GlobalParameters")),
        _required(definitions),
        {name: _about(definitions, name) for name in outputs},
        {name: item(name) for name in (*inputs, *outputs)},
    )


def _required(definitions: dict[str, Any]) -> tuple[str, ...]:
    parameters = definitions.get("GlobalParameters")
    listed = parameters.get("required") if isinstance(parameters, dict) else None
    return tuple(str(name) for name in listed) if isinstance(listed, list) else ()


def _about(definitions: dict[str, Any], output: str) -> str:
    """The description of an output, where it is used and where its rows are described."""
    outputs = _properties(definitions, definitions.get("BatchExecutionRequest", {})).get("Outputs", {})
    found = (_properties(definitions, outputs).get(output), definitions.get(f"{output}Item"))
    return " ".join(str(one["description"]) for one in found if isinstance(one, dict) and one.get("description"))


def _properties(definitions: dict[str, Any], schema: Any) -> dict[str, Any]:
    for _ in range(5):  # a reference to a reference is enough; a ring must not hang us
        reference = str(schema.get("$ref", "")) if isinstance(schema, dict) else ""
        if not reference:
            break
        schema = definitions.get(reference.rpartition("/")[2], {})
    found = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return found if isinstance(found, dict) else {}
