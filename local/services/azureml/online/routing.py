"""Which deployment answers a request, and how many requests it takes at a time."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from local.services.azureml.online.records import OnlineDeployment, OnlineEndpoint
from local.services.engine.store import Store

HEADER = "azureml-model-deployment"
STRIDE = 61  # prime to 100: shares come out even over a few requests, not one deployment after the other
_SECONDS = re.compile(r"PT(?:(\d+)M)?(?:([\d.]+)S)?")


class NoRoute(LookupError):
    """No deployment can answer."""


class TooMany(RuntimeError):
    """More requests wait than the deployment takes."""


def choose(store: Store, endpoint: OnlineEndpoint, named: str) -> OnlineDeployment:
    """The deployment that a header names, or one by the shares of traffic: of 100 requests each gets its share.

    Raises: NoRoute.
    """
    ready = {one.name.lower(): one for one in store.all(OnlineDeployment, endpoint=endpoint.id) if one.sha}
    name = named or _by_share(endpoint)
    if name.lower() not in ready:
        raise NoRoute(name)
    return ready[name.lower()]


def _by_share(endpoint: OnlineEndpoint) -> str:
    place = endpoint.served * STRIDE % 100
    endpoint.served += 1
    for name, share in sorted(endpoint.traffic.items()):
        if place < share:
            return name
        place -= share
    return ""


class Pending:
    """Requests that deployments are at, or that wait there."""

    def __init__(self) -> None:
        self._pending: Counter[str] = Counter()

    @contextmanager
    def one(self, deployment: OnlineDeployment) -> Iterator[None]:
        """A place for one request. Raises: TooMany beyond 2 x instances x concurrent requests each."""
        settings = deployment.live["properties"].get("requestSettings") or {}
        most = 2 * deployment.instances * int(settings.get("maxConcurrentRequestsPerInstance") or 1)
        if self._pending[deployment.id] >= most:
            raise TooMany(f"{deployment.name} has {most} requests pending already")
        self._pending[deployment.id] += 1
        try:
            yield
        finally:
            self._pending[deployment.id] -= 1


def timeout(deployment: OnlineDeployment) -> float:
    """Seconds a request may take (`requestSettings.requestTimeout`, 5 when it says nothing)."""
    settings = deployment.live["properties"].get("requestSettings") or {}
    found = _SECONDS.fullmatch(str(settings.get("requestTimeout") or "PT5S"))
    if found is None:
        return 5.0
    minutes, seconds = found.groups()
    return int(minutes or 0) * 60 + float(seconds or 0)
