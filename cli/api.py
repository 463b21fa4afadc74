"""The HTTP interface of Retrain as this command calls it: a method per verb, JSON in and out, every error a `Problem`.

The function key goes into its header and nowhere else: no message of this module can contain it, or a signature.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cli.problems import NotYet, Problem, Unreachable, Usage
from shared.redact import redact

if TYPE_CHECKING:
    import requests

Json = dict[str, Any]

CONNECT = 3.0  # seconds
READ = 20.0  # seconds for looking at something
PATIENT = 230.0  # seconds for an act that calls services; Azure itself cuts an HTTP answer off then
LONGEST = 1800.0  # seconds for something that an app has begun
UPLOAD = 600.0  # seconds without any progress while a file is sent
BUSY = frozenset({429, 502, 503, 504})


def segment(text: str) -> str:
    """A name as one part of an address."""
    return quote(text, safe="~:")


class Api:
    """One Retrain at `url`. `key` is its function key, `actor` the name that its records keep. Close when done."""

    def __init__(self, url: str, key: str, actor: str) -> None:
        import requests

        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = not _is_here(self.url)  # a proxy must not stand between two programs of one machine
        self._headers = {"x-retrain-actor": actor.encode("ascii", "replace").decode()} if actor else {}
        if key:
            self._headers["x-functions-key"] = key

    def get(self, path: str, **query: str | int) -> Json:
        """What is at `path`. Raises Problem, Unreachable."""
        return self._call("GET", path, {key: str(value) for key, value in query.items()}, None, {}, READ)

    def look(self, path: str) -> Json:
        """What is at `path`, where the app asks services before it answers. Raises Problem, Unreachable."""
        return self._call("GET", path, {}, None, {}, PATIENT)

    def content(self, path: str) -> bytes:
        """The bytes at `path`. Raises Problem, Unreachable."""
        answer = self._send("GET", path, headers=self._headers, timeout=READ)
        if not answer.ok or answer.is_redirect:
            raise _refused("GET", path, answer, _json(answer))
        return answer.content

    def post(self, path: str, body: Json | None = None, *, key: str = "", dry: bool = False) -> Json:
        """Asks for something; `key` makes asking twice harmless. What was begun and takes its time (`notYet`) is asked
        for again until it is done. Raises Problem, Unreachable."""
        headers = {"Idempotency-Key": key} if key else {}
        until = time.monotonic() + LONGEST
        while True:
            try:
                return self._call("POST", path, {"dryRun": "true"} if dry else {}, body or {}, headers, PATIENT)
            except NotYet as begun:
                if time.monotonic() > until:
                    raise
                time.sleep(begun.after)

    def upload(self, model: str, file: Path, name: str, purpose: str) -> str:
        """Sends a file through a link that can create this one blob and nothing else; the blob, as `container/name`.

        Raises:
            Problem: the app gave no link, or the storage refused the file.
        """
        if not file.stat().st_size:
            raise Problem(f"{file} is empty, so it was not sent; a CSV with a header line is expected")
        link = self.post(f"/api/models/{segment(model)}/uploads", {"name": name, "purpose": purpose})
        self._put(str(link["uploadUrl"]), file)
        return str(link["blob"])

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def _call(
        self, method: str, path: str, query: dict[str, str], body: Json | None, headers: dict[str, str], read: float
    ) -> Json:
        answer = self._send(method, path, params=query, json=body, headers=self._headers | headers, timeout=read)
        found = _json(answer)
        if not answer.ok or answer.is_redirect:
            raise _refused(method, path, answer, found)
        if not isinstance(found, dict):
            raise Problem(f"{self.url} answered {method} {path} with something that is no JSON object; {_WHOSE}")
        return found

    def _send(self, method: str, path: str, *, timeout: float, **more: Any) -> requests.Response:
        import requests

        asked = self.url + path
        try:
            return self._session.request(method, asked, timeout=(CONNECT, timeout), allow_redirects=False, **more)
        except requests.ReadTimeout:
            raise Unreachable(
                f"{self.url} did not answer {method} {path} within {timeout:.0f} s; what was asked may still be done, "
                "so look before asking again"
            ) from None
        except requests.ConnectionError:
            raise Unreachable(
                f"no Retrain at {self.url}; start it with `make up` (or `retrain up`), or name another address with "
                "--url or RETRAIN_URL"
            ) from None
        except requests.RequestException as error:
            raise Problem(f"{method} {path} could not be sent to {self.url}: {redact(str(error))}") from None

    def _put(self, link: str, file: Path) -> None:
        """One create-only PUT. The link is a secret: it is never shown."""
        import requests

        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "text/csv", "If-None-Match": "*"}
        place = redact(link.partition("?")[0])
        try:
            with file.open("rb") as content, requests.Session() as session:
                session.trust_env = not _is_here(link)
                answer = session.put(link, data=content, headers=headers, timeout=(CONNECT, UPLOAD))
        except requests.RequestException as error:
            raise Problem(f"{file} could not be sent to {place}: {type(error).__name__}; try again") from None
        if not answer.ok:
            code = answer.headers.get("x-ms-error-code", "no error code")
            raise Problem(f"{file} was refused at {place}: HTTP {answer.status_code}, {code}")


_WHOSE = "is it the address of a Retrain?"


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _refused(method: str, path: str, answer: requests.Response, found: Any) -> Problem:
    """The error that an answer tells of: in Retrain's own words where it spoke, else in ours."""
    error = found.get("error") if isinstance(found, dict) else None
    kind = Unreachable if answer.status_code in BUSY else Problem
    if isinstance(error, dict) and "message" in error:
        code = error.get("code", "error")
        text = f"{redact(str(error['message']))} (HTTP {answer.status_code}, {code})"
        details = [redact(str(one)) for one in error.get("details") or ()]
        if code == "notYet":
            return NotYet(text, after=float(answer.headers.get("Retry-After", 5)), status=answer.status_code)
        return kind(text, details=details, status=answer.status_code)
    return kind(f"{method} {path}: HTTP {answer.status_code}. {_advice(answer.status_code)}", status=answer.status_code)


def _advice(status: int) -> str:
    if status in (401, 403):
        return "This app wants its function key: put it into RETRAIN_KEY, or name where it is with --key env:NAME"
    if status in BUSY:
        return "The app cannot answer now; ask again in a moment"
    if status >= 500:
        return "The app failed; its log says why"
    return f"There is no such thing at that address; {_WHOSE}"


def function_key(reference: str | None, env: dict[str, str]) -> str:
    """The function key: from the variable that `--key env:NAME` names, or from RETRAIN_KEY; empty when there is none.

    Raises:
        Usage: not a reference (the text is not repeated, it may be the key), or the variable is empty.
    """
    if reference is None:
        return env.get("RETRAIN_KEY", "").strip()
    kind, _, name = reference.partition(":")
    if kind != "env" or not name.isidentifier():
        raise Usage("--key takes env:NAME, the name of a variable that holds the key, never the key itself")
    found = env.get(name, "").strip()
    if not found:
        raise Usage(f"--key env:{name}: the environment has no value for {name}")
    return found


def checked_url(url: str, key: str) -> str:
    """The address of the app.

    Raises:
        Usage: it is no http(s) address, or it would carry the key unencrypted to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Usage(f"{url!r} is not an address; write --url https://host or http://127.0.0.1:7071")
    if key and parts.scheme == "http" and not _is_here(url):
        raise Usage(f"{url} is not encrypted, so the function key is not sent there; write https://")
    return url.rstrip("/")
