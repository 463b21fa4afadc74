"""What a Data Factory pipeline is made of, as far as Retrain has to know before it lets it train.

Source: Data Factory REST API 2018-06-01, Pipelines - Get.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.services.studio.blobs import MODEL_SUFFIX

UPDATE, CHILD = "AzureMLUpdateResource", "ExecutePipeline"


class Pipeline:
    """A pipeline's definition: its parameters and its activities, those inside of others too."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._properties = _table(found.get("properties"))
        self.parameters: dict[str, Any] = _table(self._properties.get("parameters"))

    def activities(self) -> Iterator[dict[str, Any]]:
        """Every activity, at whatever depth."""
        return _activities(self._properties.get("activities"))

    def updates(self) -> list[str]:
        """Names of activities that put a model behind a service by themselves."""
        return [str(activity.get("name")) for activity in self.activities() if activity.get("type") == UPDATE]

    def children(self) -> list[str]:
        """Names of pipelines that it runs."""
        found = (activity for activity in self.activities() if activity.get("type") == CHILD)
        return [str(_table(_table(one.get("typeProperties")).get("pipeline")).get("referenceName")) for one in found]

    def required(self) -> set[str]:
        """Parameters without a default."""
        return {name for name, one in self.parameters.items() if "defaultValue" not in _table(one)}

    def outputs(self, parameter: str) -> list[str]:
        """Paths of batch execution outputs that are made of this parameter, as they are written."""
        of_it = re.compile(rf"parameters\.{re.escape(parameter)}\b|parameters\['{re.escape(parameter)}'\]")
        return [path for path in self._output_paths() if of_it.search(path)]

    def _output_paths(self) -> Iterator[str]:
        for activity in self.activities():
            for output in _table(_table(activity.get("typeProperties")).get("webServiceOutputs")).values():
                members = {key.lower(): value for key, value in _table(output).items()}
                path = members.get("filepath")
                yield str(path.get("value") if isinstance(path, dict) else path)


def keeps_suffix(path: str, parameter: str) -> bool:
    """Whether a path that is made of the parameter ends as the parameter does, or in .ilearner."""
    tail = path[path.rindex(parameter) + len(parameter) :]
    texts = re.findall(r"'([^']*)'", tail.removeprefix("']"))
    end = texts[-1] if texts else tail.rpartition("}")[2] if "}" in tail else ""
    return not end or end.endswith(MODEL_SUFFIX)


def _activities(found: Any) -> Iterator[dict[str, Any]]:
    """Activities hold others in lists under several names (`ifTrueActivities`, `cases`, …)."""
    if isinstance(found, list):
        for one in found:
            if isinstance(one, dict) and isinstance(one.get("type"), str) and "name" in one:
                yield one
            yield from _activities(one)
    elif isinstance(found, dict):
        for value in found.values():
            yield from _activities(value)


def _table(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
