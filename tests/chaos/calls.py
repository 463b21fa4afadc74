"""Names for the host's outside calls that are the same in every run: `service method what #occurrence`.

What depends on the clock alone has no name, is neither counted nor a place to kill: looks at a queue that find nothing,
renewals of a hidden message, and the host's own note of when a timer is due.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import unquote

from aiohttp import web

When = Literal["before", "after"]

_MODEL = re.compile(r"bikes-\d+-\d+")
_ID = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{12}|[0-9a-f]{8})\b")
_ROW_KEYS = re.compile(rb'"RowKey": ?"([^"]+)"')
_ONE_ROW = re.compile(r"RowKey='([^']+)'")
_STATE = re.compile(rb'"state": ?"(\w+)"')


class Call(NamedTuple):
    """One call: its label, and the how manieth of that label it is."""

    label: str
    occurrence: int

    @property
    def name(self) -> str:
        """What it is chosen by."""
        return f"{self.label} #{self.occurrence}"


class Kill(NamedTuple):
    """Where to kill: just before a call is passed on, or just after its service has answered."""

    call: str
    when: When


def is_studios(service: str, path: str, agent: str) -> bool:
    """Whether Studio makes this call: it reads and writes blobs by signed address with Azure's client; the app does
    the first without the second, and the second without the first."""
    return service == "blob" and "sig=" in path and agent.startswith("azsdk")


def label(service: str, method: str, path: str, body: bytes) -> str | None:
    """The call's label, None when it has none."""
    route, _, query = path.partition("?")
    parts = unquote(route).strip("/").split("/", 1)
    rest = parts[1] if len(parts) > 1 else ""
    if service == "studio":
        return f"studio {method} {_studio('/'.join(parts))}"
    if service == "table":
        return f"table {method} {_rows(rest, body)}"
    if service == "queue":
        return _queue(method, rest)
    if rest.startswith("azure-webjobs-hosts"):
        return None
    return f"blob {method} {anonymous(rest)}{_component(query)}"


def is_receive(found: str) -> bool:
    """Whether the call asks for messages: only its answer tells whether it counts."""
    return found.startswith("queue GET")


def is_empty(answer: web.Response) -> bool:
    """Whether a queue had nothing (or is not there)."""
    return answer.status != 200 or b"<QueueMessage>" not in (answer.body or b"")  # type: ignore[operator]


def _queue(method: str, rest: str) -> str | None:
    queue, _, messages = rest.partition("/")
    queue = "blob events" if queue.startswith("azure-webjobs-blobtrigger-") else queue
    if not messages:
        return f"queue {method} {queue} itself"
    return None if method == "PUT" else f"queue {method} message of {queue}"


def _rows(rest: str, body: bytes) -> str:
    if "$batch" in rest:
        kinds = sorted({_kind(key.decode()) for key in _ROW_KEYS.findall(body)} - {"time"})
        state = _STATE.search(body)
        return f"rows {' + '.join(kinds)}{f' ({state[1].decode()})' if state else ''}"
    found = _ONE_ROW.search(rest)
    if found:
        return f"row {_kind(found[1])}"
    written = _ROW_KEYS.search(body)
    return f"row {_kind(written[1].decode())}" if written else f"rows of {rest or 'the account'}"


def _kind(key: str) -> str:
    kind, bar, _ = key.partition("|")
    if bar or kind in ("champion", "accepted"):
        return kind
    return "open" if "~" in key else "slot"


def _studio(path: str) -> str:
    execute = re.search(r"services/[^/]+/(.*)", path)
    return anonymous(execute[1] if execute else re.sub(r".*/webservices/[^/]+/", "", path))


def anonymous(text: str) -> str:
    """A path without what differs from run to run: the name of the model and every id."""
    return _ID.sub("…", _MODEL.sub("MODEL", text))


def _component(query: str) -> str:
    found = re.search(r"(?:^|&)comp=(\w+)", query)
    return f" ({found[1]})" if found else ""
