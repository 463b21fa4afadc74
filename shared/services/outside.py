"""Addresses that callers of the app name: whom to tell that a run ended, where a model lies. The port `Outside`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrain.errors import AccessDenied
from shared.services.http import Http
from shared.services.urls import host_of, plain


class Outside:
    """Calls back only to `hosts` (names, or ends of names that begin with a dot), without any key of ours."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = tuple(host.lower() for host in hosts if host)

    def may_call(self, url: str) -> None:
        """Raises AccessDenied, BadConfiguration."""
        host = host_of(url)
        if not any(host == allowed or (allowed[0] == "." and host.endswith(allowed)) for allowed in self._hosts):
            listed = ", ".join(self._hosts) or "none"
            raise AccessDenied(
                f"{host} may not be called back (allowed: {listed}); add it to the setting RETRAIN_CALLBACK_HOSTS"
            )

    def tell(self, url: str, body: dict[str, object]) -> None:
        """One POST; repeated only after a passing fault."""
        self.may_call(url)
        advice = "Who waits there may have given up; the run itself is not touched by it."
        Http(url, timeout=(5.0, 30.0)).call("POST", url, asked=f"call back {plain(url)}", body=body, advice=advice)

    def fetch(self, url: str) -> Iterator[bytes]:
        """The bytes of a model; the caller has checked that models may be taken from there."""
        advice = "Check the address and its SAS."
        return Http(url).fetch(url, asked=f"download {plain(url)}", advice=advice)
