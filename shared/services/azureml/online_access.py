"""Where an online endpoint answers, and what opens it: a key, a token that it gives itself, or one of our identity.

Source: how-to-authenticate-online-endpoint.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from retrain.errors import BadConfiguration
from shared.services.azureml.online_control import OnlineEndpoint
from shared.services.azureml.workspace import ML
from shared.services.credentials import Secret, Token, identity_token

KEEP = 120.0
"""Seconds for which address and key are remembered."""


class Access:
    """See the module. `given` is the key of the configuration, where there is one."""

    def __init__(self, online: OnlineEndpoint, given: Secret | None, token: Token = identity_token) -> None:
        self._online, self._given, self._token = online, given, token
        self._kept: tuple[float, str, Callable[[], str]] | None = None

    def known(self) -> tuple[str, str]:
        """The scoring address, and what opens it.

        Raises:
            BadConfiguration: the endpoint has no address yet, or one outside Azure ML.
        """
        if self._kept is None or time.monotonic() >= self._kept[0]:
            self._kept = self._found()
        return self._kept[1], self._kept[2]()

    def forget(self) -> bool:
        """Lets them be asked for anew; False when they were not remembered, or the key is a given one."""
        kept, self._kept = self._kept, None
        return kept is not None and self._given is None

    def _found(self) -> tuple[float, str, Callable[[], str]]:
        shown = self._online.get()
        url = str(shown.properties.get("scoringUri") or "")
        if not url:
            raise BadConfiguration(f"{self._online.url} says no scoringUri; it was never made, or is being made")
        self._online.workspace.allow_endpoint(url)
        until = time.monotonic() + KEEP
        mode = str(shown.properties.get("authMode") or "").lower()
        if mode == "aadtoken":
            return until, url, lambda: self._token(ML)
        if self._given is not None:
            return until, url, self._given
        if mode == "amltoken":
            token, again = self._online.token()
            return min(until, time.monotonic() + max(again - time.time(), 0.0)), url, lambda: token
        key = self._online.keys()[0]
        return until, url, lambda: key
