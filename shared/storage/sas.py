"""Signatures for single blobs: with the account key, or with a key that the identity was delegated. Who gets one is not
decided here.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas and …/create-user-delegation-sas.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from azure.storage.blob import generate_blob_sas

from retrain.errors import BadConfiguration, BadRequest
from shared.storage.failures import asking

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, UserDelegationKey

PERMISSIONS = frozenset({"r", "w", "c", "cw", "rc", "rw", "rcw", "d"})
CLOCKS_APART = timedelta(minutes=5)
"""A signature is valid from this long ago, because clocks differ."""
LONGEST_DELEGATION = timedelta(days=7)
_DELEGATION = timedelta(hours=24)


class Signer(Protocol):
    """Makes the query of a signed address."""

    def __call__(self, container: str, name: str, permissions: str, start: datetime, expiry: datetime) -> str:
        """The query, without `?`. Raises BadConfiguration when this account cannot sign."""


class KeySigner:
    """Signs with the account key, without asking anybody. `protocol` is `https`, or `https,http` for an emulator."""

    def __init__(self, account: str, key: str, protocol: str) -> None:
        self._account, self._key, self._protocol = account, key, protocol

    def __call__(self, container: str, name: str, permissions: str, start: datetime, expiry: datetime) -> str:
        """The query, without `?`."""
        return generate_blob_sas(
            self._account,
            container,
            name,
            account_key=self._key,
            permission=permissions,
            start=start,
            expiry=expiry,
            protocol=self._protocol,
        )


class DelegationSigner:
    """Signs with a user delegation key, kept until it would no longer outlive a signature."""

    def __init__(self, client: BlobServiceClient, account: str, protocol: str) -> None:
        self._client, self._account, self._protocol = client, account, protocol
        self._lock = Lock()
        self._key: UserDelegationKey | None = None
        self._ends = datetime.min.replace(tzinfo=UTC)

    def __call__(self, container: str, name: str, permissions: str, start: datetime, expiry: datetime) -> str:
        """The query, without `?`. Raises BadRequest for more than seven days."""
        return generate_blob_sas(
            self._account,
            container,
            name,
            user_delegation_key=self._delegated(start, expiry),
            permission=permissions,
            start=start,
            expiry=expiry,
            protocol=self._protocol,
        )

    def _delegated(self, start: datetime, expiry: datetime) -> UserDelegationKey:
        if expiry - start > LONGEST_DELEGATION:
            raise BadRequest(f"sign until {expiry:%Y-%m-%d %H:%M}: an identity can sign for at most seven days")
        with self._lock:
            if self._key is None or expiry > self._ends:
                self._ends = max(expiry, start + _DELEGATION)
                with asking("get a user delegation key"):
                    self._key = self._client.get_user_delegation_key(start, self._ends)
            return self._key


def cannot_sign(container: str, name: str, permissions: str, start: datetime, expiry: datetime) -> str:
    """Stands for an account that is itself reached through a signature."""
    raise BadConfiguration(
        f"sign {container}/{name}: a SAS cannot sign; the connection string needs an account key, or use an identity"
    )


def lifetime(permissions: str, length: timedelta, now: Callable[[], datetime]) -> tuple[datetime, datetime]:
    """When a signature with these permissions starts and ends. Raises BadRequest for unknown permissions."""
    if permissions not in PERMISSIONS or length <= timedelta(0):
        raise BadRequest(f"sign with {permissions!r} for {length}: permissions are one of {sorted(PERMISSIONS)}")
    return now() - CLOCKS_APART, now() + length
