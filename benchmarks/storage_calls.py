"""Which requests the storage was asked, by whom: from Azurite's logs.

The debug log carries each request's headers. The host's process names itself in its user agent; inside it the app's
clients (synchronous, they send `Connection: keep-alive`) are told from the host's own (asynchronous, they do not).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from benchmarks.laboratory import HOST, PRODUCER

MAKERS = ("app", "host", "Studio", "storage itself")
POLL = "Messages_Dequeue"
_LINE = re.compile(r"(\S+) ([0-9a-f-]{36}) info: (\w+?)StorageContextMiddleware: RequestMethod=(\w+) RequestURL=(.*)")
_REQUEST = re.compile(r"https?://[^/]+/[^/]+(\S*) RequestHeaders:(\{.*\}) ClientIP=")
_OPERATION = re.compile(r"\S+ (\S+) info: DispatchMiddleware: Operation=(\w+)")
_END = re.compile(r"\S+ (\S+) info: EndMiddleware: End response\. TotalTimeInMS=(\d+) StatusCode=(\d+)")
_ACCESS = re.compile(r'"(\w+) /[^/ ]+/?([^ ?"]*)(\?[^ "]*)? HTTP/[\d.]+" (\d{3}) ')
_SECRET = re.compile(r"\b(sig|se|st|sp|sv|sr|spr|popreceipt)=[^&]*&?")


class Call(msgspec.Struct):
    """One request. `at` is the storage's clock, `seconds` how long it worked on it."""

    at: float
    maker: str
    service: str
    method: str
    path: str
    operation: str = ""
    status: int = 0
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        """Service and operation."""
        return f"{self.service} {self.operation}"


def calls(debug_log: Path) -> list[Call]:
    """Every request of a debug log in order, with its maker."""
    found: dict[str, Call] = {}
    with debug_log.open(errors="replace") as lines:
        for line in lines:
            _take(line, found)
    return sorted(found.values(), key=lambda call: call.at)


def _take(line: str, found: dict[str, Call]) -> None:
    if begun := _LINE.match(line):
        at, ident, service, method, rest = begun.groups()
        if request := _REQUEST.match(rest):
            path, headers = _SECRET.sub("", request[1]).rstrip("?&"), msgspec.json.decode(request[2])
            when = datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
            found[ident] = Call(when, _maker(headers), service.lower(), method, path)
    elif (operation := _OPERATION.match(line)) and operation[1] in found:
        found[operation[1]].operation = operation[2]
    elif (end := _END.match(line)) and end[1] in found:
        found[end[1]].seconds, found[end[1]].status = int(end[2]) / 1000, int(end[3])


def _maker(headers: dict[str, str]) -> str:
    agent = headers.get("user-agent", "")
    if PRODUCER in agent:
        return "producer"
    if agent.startswith("axios"):
        return "storage itself"  # a copy from one blob to another: it reads the source by its own address
    if agent.startswith("python-requests"):
        return "app"  # a signed address, read without the storage client
    if HOST not in agent:
        return "Studio"
    return "app" if headers.get("connection") else "host"


def between(found: Iterable[Call], begin: float, end: float) -> list[Call]:
    """The stack's own calls that began in this time: what the producer asked is not counted."""
    return [call for call in found if begin <= call.at < end and call.maker != "producer"]


def uploaded(found: Iterable[Call], file: str) -> float:
    """When the storage was first asked to take a file from the producer."""
    return next(call.at for call in found if call.maker == "producer" and call.path.endswith(f"/{file}"))


def polls(found: Iterable[Call]) -> int:
    """How many of the calls asked a queue for messages, whether there were any or not."""
    return sum(call.operation == POLL for call in found)


def by_maker(found: Iterable[Call]) -> dict[str, int]:
    """How many calls each made."""
    counted = Counter(call.maker for call in found)
    return {maker: counted[maker] for maker in MAKERS}


def by_kind(found: Iterable[Call]) -> dict[str, int]:
    """How many calls of each kind, by maker, the most frequent first."""
    counted = Counter(f"{call.maker}: {call.kind}" for call in found)
    return dict(counted.most_common())


def shown(found: Iterable[Call], begin: float) -> Iterator[dict[str, object]]:
    """Calls as lines of a table: seconds after `begin`, milliseconds inside the storage, who, what."""
    for call in found:
        yield {
            "at": round(call.at - begin, 3),
            "ms": round(call.seconds * 1000),
            "maker": call.maker,
            "kind": call.kind,
            "status": call.status,
            "path": call.path,
        }


def accessed(access_log: Path, begin: int) -> Counter[str]:
    """How often what was asked according to the access log from this position on, names of items left out."""
    with access_log.open("rb") as log:
        log.seek(begin)
        text = log.read().decode(errors="replace")
    return Counter(f"{method} {_place(path)}" for method, path, _, _ in _ACCESS.findall(text))


def _place(path: str) -> str:
    container, _, rest = path.partition("/")
    entity = container.partition("(")[0]
    return f"{entity}/{rest.partition('/')[0]}" if rest.startswith("messages") else entity
