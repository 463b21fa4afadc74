"""What the pipelines service shows of a pipeline: the versions below an endpoint, parameters and their defaults."""

from __future__ import annotations

from typing import Any

import msgspec

from retrain.errors import BadConfiguration
from shared.services.arm import Arm
from shared.services.designer.addresses import Pipeline, Places


class _Version(msgspec.Struct, rename="pascal"):
    version: str
    pipeline_id: str


class Endpoint(msgspec.Struct, frozen=True, rename="pascal"):
    """A pipeline endpoint: a name, and published pipelines by version."""

    name: str | None = None
    default_version: str | None = None
    pipeline_version_list: list[_Version] | None = None
    entity_status: int | str | None = None

    @property
    def versions(self) -> dict[str, str]:
        """Ids of published pipelines by version."""
        return {one.version: one.pipeline_id for one in self.pipeline_version_list or []}


class Published(msgspec.Struct, frozen=True, rename="pascal"):
    """A published pipeline: its parameters with their defaults, texts and data sets apart."""

    name: str | None = None
    parameter_assignments: dict[str, Any] | None = None
    data_path_assignments: dict[str, Any] | None = None
    data_set_definition_value_assignments: dict[str, Any] | None = None
    entity_status: int | str | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """Defaults of all parameters, whatever their kind, as text."""
        kinds = (
            self.parameter_assignments,
            self.data_path_assignments,
            self.data_set_definition_value_assignments,
        )
        found = {name: default for kind in kinds for name, default in (kind or {}).items()}
        return {name: _text(default) for name, default in found.items()}

    @property
    def usable(self) -> bool:
        """Whether it may be run: nobody disabled it."""
        return str(self.entity_status if self.entity_status is not None else "active").lower() in ("active", "0")


class Shown(msgspec.Struct, frozen=True):
    """The published pipeline that a submission would run, and the endpoint it was reached by, if any."""

    published: Published
    endpoint: Endpoint | None = None
    version: str = ""

    @property
    def summary(self) -> str:
        """Its parameters, for a message."""
        listed = ", ".join(f"{name} (default {default!r})" for name, default in self.published.parameters.items())
        return f"The pipeline's parameters: {listed or 'none'}."


def show(arm: Arm, places: Places, pipeline: Pipeline) -> Shown:
    """Looks at a pipeline. Raises NotFound; BadConfiguration: no such version, naming those there are."""
    asked = f"look at pipeline {pipeline.ident}"
    answer = arm.call("GET", f"{places.pipelines}/{pipeline.shown}", asked)
    if pipeline.kind == "pipeline":
        return Shown(answer.json(Published))
    endpoint = answer.json(Endpoint)
    version = pipeline.version or endpoint.default_version or ""
    if version not in endpoint.versions:
        listed = ", ".join(sorted(endpoint.versions)) or "none"
        raise BadConfiguration(f"{asked}: it has no version {version!r}; it has {listed}. Correct `version`.")
    published = Pipeline("pipeline", endpoint.versions[version])
    found = arm.call("GET", f"{places.pipelines}/{published.shown}", f"{asked}, version {version}")
    return Shown(found.json(Published), endpoint, version)


def _text(default: Any) -> str:
    """A default in one line; of a path its datastore too."""
    literal = default.get("LiteralValue", default) if isinstance(default, dict) else default
    if isinstance(literal, dict) and "RelativePath" in literal:
        return f"{literal.get('DataStoreName') or ''}/{literal['RelativePath'] or ''}"
    return str(literal)
