"""Which events a subscription wants: types, subjects, and advanced filters on members. Values are compared in any case.

Source: the event subscription of the Event Grid management API, version 2025-02-15.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.services.azureml.events.records import Event

Test = Callable[[str, list[str]], bool]
OPERATORS: dict[str, Test] = {
    "StringIn": lambda value, wanted: value in wanted,
    "StringNotIn": lambda value, wanted: value not in wanted,
    "StringContains": lambda value, wanted: any(one in value for one in wanted),
    "StringBeginsWith": lambda value, wanted: value.startswith(tuple(wanted)),
    "StringEndsWith": lambda value, wanted: value.endswith(tuple(wanted)),
}


def wants(given: Mapping[str, Any], event: Event, any_case: bool) -> bool:
    """Whether the filter lets the event through; `any_case`: keys are read so."""
    types = [str(one).lower() for one in given.get("includedEventTypes") or []]
    return (
        (not types or "all" in types or event.type.lower() in types)
        and event.subject.lower().startswith(str(given.get("subjectBeginsWith") or "").lower())
        and event.subject.lower().endswith(str(given.get("subjectEndsWith") or "").lower())
        and all(_passes(one, event, any_case) for one in given.get("advancedFilters") or [])
    )


def _passes(one: Mapping[str, Any], event: Event, any_case: bool) -> bool:
    found = _member({"data": event.data, "subject": event.subject, "eventType": event.type}, one["key"], any_case)
    wanted = [str(value).lower() for value in one.get("values") or []]
    if found is None:
        return bool(one["operatorType"] == "StringNotIn")
    test = OPERATORS[one["operatorType"]]
    return test(str(found).lower(), wanted)


def _member(value: Any, key: str, any_case: bool) -> Any:
    for part in key.split("."):
        if not isinstance(value, Mapping):
            return None
        members = {name.lower() if any_case else name: inner for name, inner in value.items()}
        value = members.get(part.lower() if any_case else part)
    return value
