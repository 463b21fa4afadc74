"""Secrets by reference: `env:NAME` or `keyvault:NAME`. Configuration holds the reference, never the secret.

How a service wants its secret presented lives in that service's client.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from retrain.errors import AccessDenied, BadConfiguration, Unavailable
from shared.services.http import Http

KEEP = 300.0
"""Seconds after which a Key Vault secret is read again, so that a rotated key is found."""

Token = Callable[[str], str]
"""scope → access token."""

_IDENTITY = ("IDENTITY_", "AZURE_", "MSI_")
_REFERENCE = re.compile(r"(env|keyvault):([A-Za-z0-9_-]{1,127})")


class Secret:
    """A secret that is read when called, and shows only where it is kept."""

    def __init__(self, reference: str, read: Callable[[], str]) -> None:
        self._reference = reference
        self._read = read

    def __call__(self) -> str:
        """The secret itself. Raises BadConfiguration, or what Key Vault answered."""
        return self._read()

    def __repr__(self) -> str:
        return f"Secret({self._reference})"


def reference_problem(name: str, reference: str) -> str | None:
    """What is wrong with a reference in the setting `name`; the text itself is not repeated, it may be a secret."""
    if _REFERENCE.fullmatch(reference):
        return None
    return f"{name} must be env:NAME or keyvault:NAME; never write the secret itself into the configuration"


def references(settings: msgspec.Struct) -> Iterator[tuple[str, str]]:
    """The secrets that a service's settings refer to, as (key of the setting, reference)."""
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            if isinstance(text, str) and _REFERENCE.fullmatch(text):
                yield field.encode_name, text


def secret(reference: str, env: Mapping[str, str] | None = None, *, token: Token | None = None) -> Secret:
    """The secret behind a reference. `token(scope)` gives an access token; by default azure-identity does.

    Raises:
        BadConfiguration: not a reference, or the environment lacks what it needs.
    """
    values = os.environ if env is None else env
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise BadConfiguration(reference_problem("a key", reference) or "")
    place, name = match.groups()
    if place == "env":
        _required(values, name)
        return Secret(reference, lambda: _required(values, name))
    vault = KeyVault(_required(values, "KEY_VAULT_URL"), token or identity_token)
    return Secret(reference, lambda: vault.secret(name))


def _required(values: Mapping[str, str], name: str) -> str:
    found = values.get(name, "").strip()
    if not found:
        raise BadConfiguration(f"the environment has no value for {name}; set it among the app's settings")
    return found


class _Value(msgspec.Struct):
    value: str


class KeyVault:
    """Azure Key Vault, secrets only (REST `GET {vault}/secrets/{name}`); values are kept `KEEP` seconds."""

    def __init__(self, url: str, token: Token) -> None:
        self._url = url.rstrip("/")
        self._http = Http(url)
        self._token = token
        self._kept: dict[str, tuple[float, str]] = {}

    def secret(self, name: str) -> str:
        """The current value. Raises AccessDenied, NotFound, Unavailable."""
        until, value = self._kept.get(name, (0.0, ""))
        if time.monotonic() >= until:
            value = self._read(name)
            self._kept[name] = (time.monotonic() + KEEP, value)
        return value

    def _read(self, name: str) -> str:
        answer = self._http.call(
            "GET",
            f"{self._url}/secrets/{name}?api-version=7.4",
            asked=f"read secret {name} of {self._url}",
            advice="Give the app's identity the role Key Vault Secrets User, and check the secret's name.",
            key=self._token("https://vault.azure.net/.default"),
        )
        return answer.json(_Value).value


def identity_token(scope: str) -> str:
    """An access token of the app's identity, or of the signed-in developer; azure-identity renews it as needed.

    Raises:
        AccessDenied: there is no identity. Unavailable: it could not be asked.
    """
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError

    try:
        return str(_credential(_surroundings()).get_token(scope).token)
    except ClientAuthenticationError as error:
        advice = "give the app a managed identity, or sign in with `az login`"
        raise AccessDenied(f"ask for a token for {scope}: no identity ({type(error).__name__}); {advice}") from None
    except (ServiceRequestError, ServiceResponseError) as error:
        raise Unavailable(
            f"ask for a token for {scope}: no answer ({type(error).__name__}); asked again later"
        ) from None


def _surroundings() -> tuple[tuple[str, str], ...]:
    """What azure-identity finds the identity by. In Azure it never changes; on one machine there may be several."""
    return tuple(sorted((name, os.environ[name]) for name in os.environ if name.startswith(_IDENTITY)))


@lru_cache(maxsize=8)
def _credential(surroundings: tuple[tuple[str, str], ...]) -> Any:
    """Kept, because it keeps tokens."""
    from azure.identity import DefaultAzureCredential  # a third of a second to load, where nothing else did

    return DefaultAzureCredential()
