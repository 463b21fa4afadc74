"""Which activities of a pipeline are due, and how a pipeline ended. Plain rules over names and states.

Source: "Pipeline failure and error message" (a pipeline succeeds when all its leaves do; of a skipped leaf, what was
before it counts).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from local.services.datafactory.records import FAILED, SKIPPED, SUCCEEDED

Json = dict[str, Any]
CONDITIONS: dict[str, tuple[str, ...]] = {
    "succeeded": (SUCCEEDED,),
    "failed": (FAILED,),
    "completed": (SUCCEEDED, FAILED),
    "skipped": (SKIPPED,),
}


def dependencies(activity: Json) -> dict[str, list[str]]:
    """What it depends on: name → conditions."""
    return {
        str(one["activity"]): list(one.get("dependencyConditions") or ["Succeeded"])
        for one in activity.get("dependsOn") or []
    }


def due(activities: list[Json], settled: Mapping[str, str], begun: Collection[str]) -> list[Json]:
    """The activities whose dependencies are settled and that were not begun."""
    return [
        activity
        for activity in activities
        if activity["name"] not in settled
        and activity["name"] not in begun
        and all(name in settled for name in dependencies(activity))
    ]


def wanted(activity: Json, settled: Mapping[str, str]) -> bool:
    """Whether each of its dependencies ended as one of its conditions says; else it is skipped."""
    return all(
        any(settled[name] in CONDITIONS[condition.lower()] for condition in conditions)
        for name, conditions in dependencies(activity).items()
    )


def failed(activities: list[Json], settled: Mapping[str, str]) -> list[str]:
    """The names of activities that make the pipeline fail, in the pipeline's order; none when it succeeded."""
    by_name = {activity["name"]: activity for activity in activities}
    inner = {name for activity in activities for name in dependencies(activity)}
    guilty = {name for leaf in by_name if leaf not in inner for name in _guilty(leaf, by_name, settled)}
    return [name for name in by_name if name in guilty]


def _guilty(name: str, by_name: Mapping[str, Json], settled: Mapping[str, str]) -> Iterator[str]:
    if settled[name] == SKIPPED:
        for before in dependencies(by_name[name]):
            yield from _guilty(before, by_name, settled)
    elif settled[name] != SUCCEEDED:
        yield name


def circle(activities: list[Json]) -> bool:
    """Whether some activities wait for each other."""
    settled: dict[str, str] = {}
    while found := due(activities, settled, ()):
        settled |= {activity["name"]: SUCCEEDED for activity in found}
    return len(settled) < len(activities)
