"""A proxy before Azurite that loses requests or answers on purpose, and remembers what was asked."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self

WRITES = frozenset({"POST", "PUT", "DELETE", "MERGE", "PATCH"})


class Fault(StrEnum):
    """What happens to a request."""

    ANSWER_LOST = "carried out, then the connection breaks"
    REQUEST_LOST = "the connection breaks before it is carried out"
    ANSWER_FALSE = "carried out, then answered with 500"
    BUSY = "not carried out, answered with 503 ServerBusy"


@dataclass
class Lossy:
    """Forwards to 127.0.0.1:`port`. `lose` says which of the coming writes meet a fault."""

    port: int
    asked: list[str] = field(default_factory=list)
    after_fault: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._faults: dict[int, Fault] = {}
        self._always: Fault | None = None
        self._writes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def lose(self, fault: Fault, *, write: int = 1) -> None:
        """The `write`th write from now meets the fault, once."""
        with self._lock:
            self._writes, self._faults = 0, {write: fault}

    def lose_all(self, fault: Fault) -> None:
        """Every write from now meets the fault."""
        self._always = fault

    def left(self) -> int:
        """Faults that have not been met."""
        return len(self._faults)

    def fault(self, method: str, path: str) -> Fault | None:
        """Counts a request, and tells what is to happen to it."""
        with self._lock:
            self.asked.append(f"{method} {path}")
            if method not in WRITES:
                return None
            self._writes += 1
            return self._always or self._faults.pop(self._writes, None)

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: Lossy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def _relay(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.fault(self.command, self.path)
            if fault in (Fault.REQUEST_LOST, Fault.BUSY):
                self._fail(fault, 503)
                return
            status, headers, answer = self._forward(body)
            if fault:
                proxy.after_fault()
                self._fail(fault, 500)
                return
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            length = dict(headers).get("content-length", "0") if self.command == "HEAD" else len(answer)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(answer)

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            server = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
            try:
                server.request(self.command, self.path, body, dict(self.headers.items()))
                response = server.getresponse()
                return response.status, response.getheaders(), response.read()
            finally:
                server.close()

        def _fail(self, fault: Fault, status: int) -> None:
            self.close_connection = True
            if fault in (Fault.ANSWER_LOST, Fault.REQUEST_LOST):
                return
            self.send_response_only(status)
            self.send_header("x-ms-error-code", "ServerBusy" if fault is Fault.BUSY else "InternalError")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_MERGE = _relay  # noqa: N815

    return Handler
