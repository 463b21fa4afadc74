"""Azurite's access log: follow it as it grows, and understand the lines that matter.

A line is `127.0.0.1 - - [time] "PUT /account/container/blob?query HTTP/1.1" 201 -`, written when the answer is out.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, unquote

import msgspec

from local.host.watch import Watch

_LINE = re.compile(r'"(PUT|POST) /([^/ ?"]+)/([^/ ?"]+)(?:/([^ ?"]+))?(?:\?([^ "]*))? HTTP/[\d.]+" (\d{3}) ')
_APIS = {(None, 201): "PutBlob", ("blocklist", 201): "PutBlockList", (None, 202): "CopyBlob"}


class BlobWritten(msgspec.Struct, frozen=True):
    """A request that may have created a block blob; the log does not tell block blobs from others."""

    account: str
    container: str
    name: str
    api: str


class MessagePut(msgspec.Struct, frozen=True):
    """A message was put or put back; it is visible `delay` seconds later."""

    account: str
    queue: str
    delay: int


def understand(line: str) -> BlobWritten | MessagePut | None:
    """What a line of the log tells, None for everything that does not matter."""
    found = _LINE.search(line)
    if not found:
        return None
    method, account, container, rest, query, status = found.groups()
    if rest is None:
        return None
    parameters = parse_qs(query or "", keep_blank_values=True)
    if method == "POST" or status == "204":
        return _message(account, container, rest, parameters, int(status))
    comp = parameters.get("comp", [None])[0]
    api = _APIS.get((comp, int(status)))
    return BlobWritten(account, unquote(container), unquote(rest), api) if api else None


def _message(account: str, queue: str, rest: str, parameters: dict[str, list[str]], status: int) -> MessagePut | None:
    if rest.split("/", 1)[0] != "messages" or status not in (201, 204):
        return None
    return MessagePut(account, queue, int(parameters.get("visibilitytimeout", ["0"])[0]))


class Tail:
    """Follows a growing file from where it ended when this was made; the file may appear later or be cut.

    `bookmark` remembers how far its reader has come (`remember`), so that the next one goes on from there.
    """

    def __init__(self, path: Path, bookmark: Path | None = None) -> None:
        self._path, self._bookmark = path, bookmark
        size = path.stat().st_size if path.exists() else 0
        self._position = min(_marked(bookmark, size), size)
        self._rest = b""

    def remember(self) -> None:
        """Everything read so far is dealt with."""
        if self._bookmark is not None:
            fresh = self._bookmark.with_suffix(".new")
            fresh.write_text(str(self._position - len(self._rest)))
            fresh.replace(self._bookmark)

    async def lines(self) -> AsyncIterator[str]:
        """Every new complete line; never ends."""
        async with Watch(self._path) as watch:
            while True:
                armed = watch.arm()
                for line in self.new_lines():
                    yield line
                await watch.wait(armed=armed)

    def new_lines(self) -> list[str]:
        """Lines that were completed since the last call."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._position:
            self._position, self._rest = 0, b""
        if size == self._position:
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        self._position += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def _marked(bookmark: Path | None, otherwise: int) -> int:
    if bookmark is None or not bookmark.exists():
        return otherwise
    return int(bookmark.read_text())
