"""A Retrain without a Functions host: the real handlers over real storage behind a small HTTP server, and a thread that
does what the triggers do. What the host itself adds is tested elsewhere."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from azure.storage.queue import QueueServiceClient

from retrain import advance, landing, paths, production
from retrain.errors import NotFound, RetrainError
from retrain.messages import Settle, step_or_settle
from retrain.ports import Ports
from shared.api import routes
from shared.api.http import Reply, Request, failure

Handler = Callable[[Request, Ports], Reply]
KEY = "a-function-key-for-tests"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "api/models", routes.models),
    ("GET", "api/models/{model}", routes.model),
    ("GET", "api/doctor", routes.examine),
    ("GET", "api/models/{model}/doctor", routes.examine),
    ("GET", "api/models/{model}/runs", routes.runs),
    ("POST", "api/models/{model}/runs", routes.start_run),
    ("POST", "api/models/{model}/uploads", routes.upload),
    ("POST", "api/models/{model}/adopt", routes.adopt),
    ("POST", "api/models/{model}/rollback", routes.rollback),
    ("POST", "api/models/{model}/keep", routes.keep),
    ("GET", "api/runs", routes.open_runs),
    ("GET", "api/runs/{run}", routes.run),
    ("GET", "api/runs/{run}/evidence", routes.evidence),
    ("POST", "api/runs/{run}/{act}", routes.act),
)


class Server:
    """The app over `ports` at `url`. `seen` holds the requests; with `key` set, others are refused as the host does."""

    def __init__(self, ports: Ports) -> None:
        self.ports, self.key = ports, ""
        self.seen: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        """What the app answers; a route or key that does not fit is answered as by the host: without a body."""
        parts = urlsplit(target)
        for verb, template, handler in ROUTES:
            match = re.fullmatch("/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), parts.path)
            if match is None or verb != method:
                continue
            route = {name: unquote(value) for name, value in match.groupdict().items()}
            request = Request(method, route, dict(parse_qsl(parts.query)), headers, body, self.url)
            self.seen.append(request)
            if self.key and headers.get("x-functions-key") != self.key:
                return Reply(401)
            try:
                return handler(request, self.ports)
            except RetrainError as error:
                return failure(error)
        return Reply(404)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handle(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(self.command, self.path, headers, body)
            content = reply.encoded()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Type": reply.content_type}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Says nothing: tests read `seen`."""

    for method in ("GET", "POST", "PUT"):
        setattr(Handle, f"do_{method}", Handle.handle_any)
    return Handle


class Triggers:
    """What happens to files in the inbox and to messages, every few hundredths of a second until `close`."""

    def __init__(self, ports: Ports, storage: str, model: str) -> None:
        self._ports, self._model = ports, model
        self._queues = QueueServiceClient.from_connection_string(storage)
        self._stop = threading.Event()
        self._bugs: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops; raises what a trigger raised, for that is a bug."""
        self._stop.set()
        self._thread.join()
        self._queues.close()
        if self._bugs:
            raise self._bugs[0]

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.03):
                self._blobs()
                for queue in (advance.TRAINING_QUEUE, advance.EVALUATION_QUEUE):
                    self._messages(queue)
        except BaseException as bug:  # noqa: BLE001 - told by close
            self._bugs.append(bug)

    def _blobs(self) -> None:
        for info in list(self._ports.blobs.list(paths.INBOX, f"{self._model}/")):
            if (run := landing.arrived(info.blob, self._ports)) is not None and run.seq == 0:
                advance.drive(run, self._ports, advance.TRAINING_QUEUE)

    def _messages(self, queue: str) -> None:
        client = self._queues.get_queue_client(queue)
        for message in client.receive_messages(visibility_timeout=60):
            step = step_or_settle(message.content)
            try:
                if isinstance(step, Settle):
                    production.settle(step, self._ports)
                else:
                    again = (message.dequeue_count or 1) > 1
                    advance.receive(step, self._ports, queue=queue, redelivered=again)
            except NotFound:  # a run of a test that made its records by hand
                continue
            finally:
                client.delete_message(message)
