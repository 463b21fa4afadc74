"""One place where services are called over HTTP. What comes back is sorted into errors in `answers`.

Promises: a time limit on every call; only hosts that were configured or explicitly allowed; no redirects; no key and no
signature in any error or log line. Waiting for minutes is the domain's work (by messages); here a call is repeated at
most twice within a few seconds. What a service's own error codes mean lives beside that service's client.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from weakref import WeakValueDictionary

import msgspec
import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from retrain.errors import BadConfiguration, Throttled, Unavailable
from shared.redact import redact
from shared.services.answers import Answer, error_class
from shared.services.urls import host_of, is_loopback, origin, plain

log = logging.getLogger(__name__)

REPEATS = 2
PATIENCE = 3.0  # seconds: longer waits are for a queue message
BLOCK = 1 << 20


class Http:
    """Calls to the hosts of `urls` and to those allowed later. Safe to share between threads.

    `timeout` is (connect, read) in seconds. `sleep` is only used for waits below `PATIENCE`.
    """

    def __init__(
        self,
        *urls: str,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: tuple[float, float] = (5.0, 60.0),
    ) -> None:
        self._origins = {origin(url) for url in urls}
        self._local = all(is_loopback(host_of(url)) for url in urls)
        self._session = session or shared(frozenset(self._origins))
        self._sleep = sleep
        self._timeout = timeout

    def allow(self, url: str) -> None:
        """Adds a host that an answer named. Raises BadConfiguration when a remote service names this machine."""
        if is_loopback(host_of(url)) and not self._local:
            raise BadConfiguration(f"{plain(url)} points at this machine, but was named by a remote service; refused")
        self._origins.add(origin(url))

    def call(self, method: str, url: str, *, asked: str, advice: str = "", **how: Any) -> Answer:
        """`send`, with every status outside 2xx raised as its error."""
        answer = self.send(method, url, asked=asked, **how)
        if answer.ok:
            return answer
        raise answer.error(advice)

    def send(
        self,
        method: str,
        url: str,
        *,
        asked: str,
        key: str = "",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
        timeout: tuple[float, float] | None = None,
    ) -> Answer:
        """One question and its answer, whatever its status. `headers` are further ones; none of them is a secret.

        `repeat` allows asking again after a cut connection or a passing fault; false where that would do it twice.

        Raises:
            Unavailable: no answer. BadConfiguration: a host outside those allowed.
        """
        self._check(url)
        asked = redact(asked)
        wait: float | None = 0.0
        for attempt in range(REPEATS + 1):
            if wait:
                log.warning("asking again: %s wait=%.1fs", asked, wait)
                self._sleep(wait)
            began = time.monotonic()
            outcome = self._once(method, url, asked, key, body, headers or {}, timeout or self._timeout)
            wait = _wait(outcome, attempt) if repeat and time.monotonic() - began < PATIENCE else None
            if wait is None:
                break
        if isinstance(outcome, Unavailable):
            raise outcome
        return outcome

    def fetch(self, url: str, *, asked: str, advice: str = "") -> Iterator[bytes]:
        """The bytes behind a signed URL in blocks, asked for without any key. An error shows before the first block."""
        self._check(url)
        asked = redact(asked)
        try:
            response = self._open("GET", url, {"Accept-Encoding": "identity"}, None, None, self._timeout)
        except (requests.RequestException, OSError) as error:
            failure = _silence(asked, error)
        else:
            if response.ok and not response.is_redirect:
                return _blocks(response, asked)
            with response:
                answer = Answer(asked, response.status_code, response.headers, response.content[:BLOCK])
            raise answer.error(advice)
        raise failure

    def download(self, url: str, advice: str = "") -> Iterator[bytes]:
        """What an answer says can be had at a signed URL, as `fetch`, its host allowed as `allow` does."""
        self.allow(url)
        return self.fetch(url, asked=f"download {plain(url)}", advice=advice)

    def _once(
        self,
        method: str,
        url: str,
        asked: str,
        key: str,
        body: object,
        more: Mapping[str, str],
        timeout: tuple[float, float],
    ) -> Answer | Unavailable:
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if method != "GET" else {})
        try:
            with self._open(method, url, {**headers, **more}, data, _Bearer(key), timeout) as response:
                content = response.content
        except (requests.RequestException, OSError) as error:
            return _silence(asked, error)
        if key:
            content = content.replace(key.encode(), b"***")
        return Answer(asked, response.status_code, response.headers, content)

    def _open(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        data: bytes | None,
        auth: AuthBase | None,
        timeout: tuple[float, float],
    ) -> requests.Response:
        return self._session.request(
            method,
            url,
            headers=headers,
            data=data,
            auth=auth or _Bearer(""),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            proxies={"http": "", "https": ""} if is_loopback(host_of(url)) else None,
        )

    def _check(self, url: str) -> None:
        if origin(url) not in self._origins:
            raise BadConfiguration(
                f"{plain(url)} is on a host that no setting names; allowed are {', '.join(sorted(self._origins))}"
            )


def _bare(text: str) -> str:
    """Without the query of any address in it: that of a callback is a secret as a whole."""
    return redact(re.sub(r"\?[^\s'\")]+", "?***", text))


def _without_signature(record: logging.LogRecord) -> bool:
    record.msg, record.args = _bare(record.getMessage()), ()
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_without_signature)  # at DEBUG it logs addresses, SAS included


_SESSIONS: WeakValueDictionary[frozenset[str], requests.Session] = WeakValueDictionary()
_LOCK = threading.Lock()


def shared(origins: frozenset[str]) -> requests.Session:
    """One session for all clients of the same hosts, as long as there is one: a thousand endpoints share its pool."""
    with _LOCK:
        session = _SESSIONS.get(origins)
        if session is None:
            session = _SESSIONS[origins] = pooled()
        return session


def pooled() -> requests.Session:
    """A session with kept-alive connections for many threads; it keeps no cookies and never retries by itself."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=8, pool_maxsize=16, max_retries=0))
    return session


class _Bearer(AuthBase):
    """Sends the key. An auth object even without a key: otherwise a netrc file of the machine would add its own."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _Late(Unavailable):
    """Nothing came within the time limit: asking again at once would take as long again."""


def _silence(asked: str, error: Exception) -> Unavailable:
    late = isinstance(error, requests.Timeout) or "timed out" in str(error)
    reason = "no answer in time" if late else f"no answer ({type(error).__name__}: {_bare(str(error))[:200]})"
    text = f"{asked}: {reason}. It is asked again later; check that the address is right and the service is up."
    return _Late(text) if late else Unavailable(text)


def _wait(outcome: Answer | Unavailable, attempt: int) -> float | None:
    """Seconds until the same may be asked again, or None when it should not be here."""
    if isinstance(outcome, _Late):
        return None
    if isinstance(outcome, Answer):
        kind = error_class(outcome.status, outcome.refusal) if outcome.status >= 400 else None
        if kind not in (Throttled, Unavailable):
            return None
        if outcome.retry_after is not None:
            return max(outcome.retry_after, 0.05) if outcome.retry_after <= PATIENCE else None
        if kind is Throttled:
            return None
    return 0.2 * 4.0**attempt * random.uniform(0.5, 1.5)


def _blocks(response: requests.Response, asked: str) -> Iterator[bytes]:
    with response:
        try:
            yield from response.iter_content(BLOCK)
            return
        except (requests.RequestException, OSError) as error:
            failure = _silence(asked, error)
    raise failure
