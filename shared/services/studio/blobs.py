"""Blobs as Studio's wire names them: account, path and SAS apart. Reading and writing them is not done here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

import msgspec

from retrain.errors import BadConfiguration
from shared.redact import redact
from shared.services.urls import is_loopback

Sign = Callable[[str, str, timedelta], str]
"""`Blobs.sign`: blob (container/name), permissions, lifetime → its address with a fresh SAS."""

JOB_LIFETIME = timedelta(hours=48)
"""Of the SAS that a job reads and writes with: it may stand in the service's queue behind forty others first."""

READ_LIFETIME = timedelta(hours=1)

MODEL_SUFFIX = ".ilearner"
"""Ends the name of every trained model, or the service does not take it as one."""

_AS_IS = "/~!$&'()*+,;=:@"  # what a path may hold without percent-encoding


class BlobReference(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """`AzureBlobDataReference`: account, `container/path` and SAS. Never with an account key here.

    The path is written as the blob is called, not percent-encoded, as beside a connection string; both are read.
    """

    base_location: str | None = None
    relative_location: str | None = None
    sas_blob_token: str | None = None

    @classmethod
    def of(cls, url: str) -> BlobReference:
        """The parts of a blob's address."""
        bare, mark, query = url.partition("?")
        parts = urlsplit(bare)
        path = parts.path.lstrip("/")
        account = ""
        if is_loopback(parts.hostname or ""):  # Azurite: the account is the first part of the path
            account, _, path = path.partition("/")
            account += "/"
        base = f"{parts.scheme}://{parts.netloc}/{account}"
        return cls(base_location=base, relative_location=unquote(path), sas_blob_token=mark + query)

    @property
    def address(self) -> str:
        """Where the blob is, without signature; empty when the service did not say."""
        if not self.base_location or not self.relative_location:
            return ""
        return f"{self.base_location.rstrip('/')}/{quote(self.blob, safe=_AS_IS)}"

    @property
    def url(self) -> str:
        """The address with the signature that came with it."""
        token = (self.sas_blob_token or "").lstrip("?")
        return f"{self.address}?{token}" if token else self.address

    @property
    def account(self) -> str:
        """The name of its storage account."""
        parts = urlsplit(self.base_location or "")
        host = parts.hostname or ""
        return parts.path.strip("/") if is_loopback(host) else host.partition(".")[0]

    @property
    def blob(self) -> str:
        """`container/name` as our own store would call it."""
        return unquote(self.relative_location or "").lstrip("/")

    def redacted(self) -> BlobReference:
        """The same with the signature hidden, fit for records and pages."""
        return msgspec.structs.replace(self, sas_blob_token=redact(self.sas_blob_token or ""))

    def __repr__(self) -> str:
        return f"BlobReference({self.address!r})"


def check_model(blob: str, asked: str) -> None:
    """Raises BadConfiguration: no model can be written to such a place."""
    if not blob.endswith(MODEL_SUFFIX):
        raise BadConfiguration(f"{asked}: the model would be written to {blob}; it must end in {MODEL_SUFFIX}")


def readable(reference: BlobReference, sign: Sign) -> str:
    """An address to read the blob with: signed afresh by us where it is our own, else as the service signed it.

    Empty when the service gave no signature for a blob that is not ours.
    """
    own = sign(reference.blob, "r", READ_LIFETIME)
    url = own if BlobReference.of(own).address == reference.address else reference.url
    return url if BlobReference.of(url).sas_blob_token else ""
