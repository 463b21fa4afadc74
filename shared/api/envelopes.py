"""Events as Event Grid delivers them: its own schema, and CloudEvents 1.0, one by one or many at once.

Members are read in any case, for samples and services differ. What an event means is in `events`.
Sources: Event Grid event schema; CloudEvents 1.0, JSON format (2.4, 4) and HTTP binding (3.1, 3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec

from retrain.decoding import from_json
from retrain.errors import BadRequest, TooLarge

LARGEST = 2 * 1024 * 1024  # bytes; Event Grid sends a batch, or one event, of at most 1 MiB
MOST = 5000  # events, the most Event Grid puts into a batch
MOST_SHOWN = 10  # complaints in one answer, and names of members in one complaint
BINARY = "ce-"  # what names of headers begin with that hold a CloudEvent's members

Members = Mapping[str, Any]
"""A JSON object whose names were made lower case."""


@dataclass(frozen=True)
class Event:
    """One event of either envelope; what is not told is empty."""

    kind: str
    source: str = ""
    subject: str = ""
    data: Members = field(default_factory=dict)

    def told(self, name: str) -> str:
        """A member of the data that is a text, else nothing; the name in lower case."""
        found = self.data.get(name)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True)
class Delivery:
    """What came in one request: events, and complaints about what is none."""

    events: tuple[Event, ...]
    complaints: tuple[str, ...] = ()


def read(body: bytes, headers: Mapping[str, str]) -> Delivery:
    """The events in a request. What is none of either kind is complained about, and does not hide the others.

    Raises:
        TooLarge: more than Event Grid sends. BadRequest: there is nothing but complaints.
    """
    if len(body) > LARGEST:
        raise TooLarge(f"{len(body)} bytes of events; at most {LARGEST} are read, and Event Grid sends no more")
    found = _json(body)
    if BINARY + "specversion" in headers:
        told = {name.removeprefix(BINARY): unquote(value) for name, value in headers.items() if name.startswith(BINARY)}
        found = told | {"data": found}
    items = found if isinstance(found, list) else [found]
    if len(items) > MOST:
        raise TooLarge(f"{len(items)} events at once; at most {MOST} are read, and Event Grid sends no more")
    return _sorted(items)


def _sorted(items: list[Any]) -> Delivery:
    events, complaints = [], []
    for number, item in enumerate(items, 1):
        try:
            events.append(_event(item))
        except BadRequest as error:
            complaints.append(f"event {number} of {len(items)}: {error}")
    if complaints and not events:
        raise BadRequest(f"no event can be read; {complaints[0]}", tuple(complaints[:MOST_SHOWN]))
    return Delivery(tuple(events), tuple(complaints[:MOST_SHOWN]))


def _json(body: bytes) -> Any:
    try:
        return from_json(body.removeprefix(b"\xef\xbb\xbf").strip() or b"null", Any)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON ({error}); POST events as Event Grid does") from error


def _event(item: Any) -> Event:
    members = _folded(item)
    cloud = "specversion" in members
    kind = members.get("type" if cloud else "eventtype")
    if cloud and not str(members["specversion"]).startswith("1."):
        raise BadRequest(f"CloudEvents of version {str(members['specversion'])[:20]!r}; 1.0 is read")
    if not isinstance(kind, str) or not kind:
        wanted = "eventType and data in Event Grid's own schema, specversion and type in CloudEvents"
        raise BadRequest(f"{_shown(item)}; an event has {wanted}")
    source, subject = members.get("source" if cloud else "topic"), members.get("subject")
    return Event(
        kind=kind,
        source=source if isinstance(source, str) else "",
        subject=subject if isinstance(subject, str) else "",
        data=_folded(members.get("data")),
    )


def _folded(value: Any) -> Members:
    """An object's members by names in lower case; nothing of what is no object."""
    return {name.lower(): member for name, member in value.items()} if isinstance(value, dict) else {}


def _shown(item: Any) -> str:
    """What it is, for a complaint: never values, which may be secrets."""
    if not isinstance(item, dict):
        return f"it is no object but {type(item).__name__}"
    names = ", ".join(repr(name[:40]) for name in list(item)[:MOST_SHOWN])
    return f"it has the members {names}" if names else "it has no members"
