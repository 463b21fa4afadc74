"""Where a "new" web service reads its models: in its own storage account, without any signature.

That is our own account, or another into which models are copied before a definition names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Protocol, Self

from retrain.errors import AccessDenied, BadConfiguration
from shared.services import credentials, urls
from shared.services.studio.blobs import READ_LIFETIME, BlobReference, Sign

CONTAINER = "retrain-models"
COPIED = timedelta(hours=1)
"""How long the address that a model is copied from is signed for."""


class Shelf(Protocol):
    """The blobs of another account, as `shared.storage.blobs.AzureBlobs` has them."""

    def copy_from(self, address: str, target: str) -> None:
        """Copies what a signed address names."""

    def open(self, blob: str) -> Iterator[bytes]:
        """A blob's bytes in blocks."""

    def url(self, blob: str) -> str:
        """Its address without any signature."""


class ServiceModels:
    """Models as a service's storage account has them; `shelf` is an account that is not ours."""

    def __init__(self, sign: Sign, shelf: Shelf | None = None, container: str = CONTAINER) -> None:
        self._sign = sign
        self._shelf = shelf
        self._container = container

    @classmethod
    def of(cls, sign: Sign, reference: str | None, container: str, env: Mapping[str, str] | None = None) -> Self:
        """With the account that a reference to a connection string means. Raises BadConfiguration."""
        if reference is None:
            return cls(sign)
        from shared.storage.accounts import Account, Storage

        text = credentials.secret(reference, env)()
        return cls(sign, Storage(Account.from_connection_string(text, "the setting of `models`")).blobs, container)

    def accounts(self) -> list[str]:
        """Names of the accounts that we reach."""
        found = [self._own("xxx/x").account]
        return found + ([BlobReference.of(self._shelf.url("xxx/x")).account] if self._shelf else [])

    def address(self, blob: str, account: str) -> str:
        """Where a model of ours is, or will be once it was laid there, for a service of that account.

        Raises:
            BadConfiguration: we do not reach that account; says what to configure.
        """
        own = self._own(blob)
        if own.account.lower() == account.lower():
            return own.address
        return self._reached(account).url(self._there(blob))

    def lay(self, blob: str, account: str) -> str:
        """Its address after it was copied, if the account is not ours. Repeating it is harmless."""
        if self._own(blob).account.lower() != account.lower():
            self._reached(account).copy_from(self._sign(blob, "r", COPIED), self._there(blob))
        return self.address(blob, account)

    def open(self, uri: str) -> tuple[str, Iterator[bytes] | None]:
        """A signed address to read a model of ours, or the bytes of one in the other account.

        Raises:
            AccessDenied: it lies where we may not read.
        """
        place = BlobReference.of(urls.plain(uri))
        own = self._own(place.blob)
        if own.address == place.address:
            return self._sign(place.blob, "r", READ_LIFETIME), None
        if self._shelf is not None and BlobReference.of(self._shelf.url(place.blob)).address == place.address:
            return "", self._shelf.open(place.blob)
        raise AccessDenied(
            f"download {place.address}: it is in storage account {place.account!r}, which we have no access to. Set "
            "`models` to a connection string of that account, or keep a copy of the .ilearner yourself."
        )

    def _own(self, blob: str) -> BlobReference:
        return BlobReference.of(self._sign(blob, "r", COPIED))

    def _there(self, blob: str) -> str:
        return f"{self._container}/{blob}"

    def _reached(self, account: str) -> Shelf:
        if self._shelf is not None and BlobReference.of(self._shelf.url("xxx/x")).account.lower() == account.lower():
            return self._shelf
        raise BadConfiguration(
            f"the service reads its models in storage account {account!r}; we reach {', '.join(self.accounts())}. Set "
            "`models` to env:NAME, a setting with a connection string of that account: models are then copied there"
        )
