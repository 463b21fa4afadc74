"""What a linked service, data set or pipeline must be to be taken, and what may not be removed."""

from collections.abc import Iterator
from typing import Any

from local.services.arm.errors import refused
from local.services.datafactory import graph
from local.services.datafactory.activities import KINDS
from local.services.datafactory.attempt import allowance
from local.services.datafactory.factories import Factories
from local.services.datafactory.records import FactoryItem, Json
from local.services.engine.errors import WireError

REFERENCES = {"LinkedServiceReference": "linkedservices", "DatasetReference": "datasets"}
SHORTEST_RETRY = 30  # seconds, the documented minimum of retryIntervalInSeconds


def check(home: Factories, factory: str, kind: str, name: str, properties: Json) -> None:
    """Raises: WireError, 400, for what the service would not store."""
    if kind != "pipelines" and not properties.get("type"):
        raise _bad(kind, name, "properties.type is missing")
    for reference, where in references(properties):
        if home.item(factory, where, reference) is None:
            raise _bad(kind, name, f"The document creation or update failed because of invalid reference '{reference}'")
    if kind == "pipelines":
        for wrong in problems(properties):
            raise _bad(kind, name, wrong)


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Names and kinds of everything that a definition refers to."""
    if isinstance(value, dict):
        if value.get("type") in REFERENCES and "referenceName" in value:
            yield str(value["referenceName"]), REFERENCES[value["type"]]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def problems(pipeline: Json) -> Iterator[str]:
    """What is wrong with a pipeline's activities."""
    activities = pipeline.get("activities") or []
    names = [str(activity.get("name", "")) for activity in activities]
    yield from (f"there are two activities {name!r}" for name in set(names) if names.count(name) > 1)
    for activity in activities:
        yield from (f"activity {activity.get('name')!r}: {problem}" for problem in _activity(activity, names))
    if set(names) >= {name for activity in activities for name in graph.dependencies(activity)}:
        yield from ("its activities wait for each other" for _ in range(graph.circle(activities)))


def _activity(activity: Json, names: list[str]) -> Iterator[str]:
    policy = activity.get("policy") or {}
    if not activity.get("name"):
        yield "it has no name"
    if activity.get("type") not in KINDS:
        yield f"type {activity.get('type')!r} is not played here; these are: {', '.join(KINDS)}"
    for name, conditions in graph.dependencies(activity).items():
        if name not in names:
            yield f"it depends on {name!r}, which is not in the pipeline (capitals matter)"
        yield from (f"unknown condition {one!r}" for one in conditions if one.lower() not in graph.CONDITIONS)
    if not SHORTEST_RETRY <= float(policy.get("retryIntervalInSeconds", SHORTEST_RETRY)) <= 86400:
        yield f"retryIntervalInSeconds must be from {SHORTEST_RETRY} to 86400"
    try:
        allowance(activity)
    except ValueError as wrong:
        yield str(wrong)


def check_unused(home: Factories, item: FactoryItem) -> None:
    """Raises: WireError, 400, when another item of the factory refers to it."""
    name, kind = item.path.rpartition("/")[2], item.collection
    for other in home.engine.store.all(FactoryItem, factory=item.factory):
        if (name, kind) in references(other.properties):
            user = other.path.rpartition("/")[2]
            raise refused(400, "BadRequest", f"The document cannot be deleted since it is referenced by {user}.")


def _bad(kind: str, name: str, why: str) -> WireError:
    return refused(400, "BadRequest", f"{kind} {name!r}: {why}.")
