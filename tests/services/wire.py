"""A real HTTP server that answers what a test ordered, for faults that no stand-in of a service has."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple


class Order(NamedTuple):
    """One answer to come. `cut` closes the connection "before" any byte or "inside" the body. `late`: seconds."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = MappingProxyType({})
    cut: str = ""
    late: float = 0.0


class Seen(NamedTuple):
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int  # the caller's port


class Wire:
    """Answers in the order given; the last answer is repeated for ever."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.seen: list[Seen] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answers(self, *orders: Order) -> None:
        """From now on."""
        self.orders[:] = orders
        self.seen.clear()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self) -> Order:
        """The answer for the next request."""
        return self.orders.pop(0) if len(self.orders) > 1 else self.orders[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: a caller that stopped waiting is what some tests are about."""


def _handler(wire: Wire) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            wire.seen.append(Seen(self.command, self.path, dict(self.headers), body, self.client_address[1]))
            order = wire.take()
            time.sleep(order.late)
            self.close_connection = bool(order.cut or order.late)
            if order.cut == "before":
                return
            self.send_response(order.status)
            for name, value in order.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(order.body) + (10 if order.cut else 0)))
            self.end_headers()
            self.wfile.write(order.body)

        def log_message(self, *_: Any) -> None:
            """Says nothing: tests read `seen`."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    return Handler
