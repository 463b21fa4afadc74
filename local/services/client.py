"""Operating the stand-ins from Python: calls, and the local control that all services share."""

from typing import Any

import requests

Json = dict[str, Any]


class ServiceRefused(RuntimeError):
    """A stand-in answered with an error; `status` and `body` are what it said."""

    def __init__(self, response: requests.Response):
        self.status = response.status_code
        self.body = response.text
        super().__init__(f"{response.request.method} {response.url}: HTTP {self.status} {self.body[:500]}")


class ServiceClient:
    """The stand-ins at `url`; methods return the answers' JSON. Raises: ServiceRefused for any error answer."""

    def __init__(self, url: str, timeout: float = 120.0):
        self.url = url.rstrip("/")
        self.timeout = timeout
        self.session = requests.Session()
        self.session.trust_env = False  # a proxy must not stand between two programs of one machine

    def close(self) -> None:
        """Closes the connections."""
        self.session.close()

    def call(self, method: str, path: str, token: str | None = None, body: Any = None) -> requests.Response:
        """Any call, answered with a success code; `path` may be a whole URL."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = path if path.startswith("http") else self.url + path
        response = self.session.request(method, url, headers=headers, json=body, timeout=self.timeout)
        if not response.ok:
            raise ServiceRefused(response)
        return response

    def health(self) -> Json:
        """Process ids and counts."""
        return self._json("GET", "/_local/health")

    def switches(self, **values: Any) -> Json:
        """Sets the given switches; answers all."""
        answer = self._json("PUT", "/_local/switches", None, values)
        return dict(answer["switches"])

    def fault(self, operation: str, **given: Any) -> None:
        """Orders a fault. `given`: times, endpoint, status, code, detail, message, retry_after, delay, cut."""
        self.call("POST", "/_local/faults", body={"operation": operation, **given})

    def clear_faults(self) -> None:
        """Forgets all faults."""
        self.call("DELETE", "/_local/faults")

    def role(self, role: str) -> None:
        """What the app's managed identity may do from now on: `Contributor` or `Reader`."""
        self.call("PUT", "/_local/identity", body={"role": role})

    def hold_jobs(self, endpoint: str | None = None) -> None:
        """Keeps jobs at Running until released; of one endpoint (name or id), or all."""
        self.call("POST", "/_local/jobs/hold", body={"endpoint": endpoint})

    def held_jobs(self) -> list[str]:
        """Ids of the jobs held."""
        return self._list("GET", "/_local/jobs/held")

    def release_jobs(self, job: str | None = None) -> list[str]:
        """Lets one job end; or all, and holds no more."""
        return self._list("POST", "/_local/jobs/release", None, {"job": job})

    def log(self) -> list[Json]:
        """The requests seen."""
        return self._list("GET", "/_local/log")

    def clear_log(self) -> None:
        """Forgets the requests seen."""
        self.call("DELETE", "/_local/log")

    def _json(self, method: str, path: str, token: str | None = None, body: Any = None) -> Json:
        answer: Json = self.call(method, path, token, body).json()
        return answer

    def _list(self, method: str, path: str, token: str | None = None, body: Any = None) -> list[Any]:
        answer: list[Any] = self.call(method, path, token, body).json()
        return answer
