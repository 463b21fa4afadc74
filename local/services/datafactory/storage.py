"""Files that activities name: a linked service of storage and `container/path` become a blob reference."""

from typing import Any
from urllib.parse import urlsplit

from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import BAD_CONNECTION, WRONG_LINKED, ActivityFailed, missing
from local.services.datafactory.secrets import secret
from local.services.engine.blobs import BadConnectionString, account_of, split_location
from local.services.engine.records import BlobReference

TYPES = ("AzureStorage", "AzureBlobStorage")


def file_of(doing: Doing, given: Any, name: str) -> BlobReference:
    """The blob of an `AzureMLWebServiceFile`; both spellings of its members are read. Raises: ActivityFailed."""
    members = {key.lower(): value for key, value in (given or {}).items()} if isinstance(given, dict) else {}
    if not members.get("filepath"):
        raise missing(f"{name}.filePath")
    return blob_of(doing, members.get("linkedservicename"), str(members["filepath"]))


def blob_of(doing: Doing, reference: Any, path: str) -> BlobReference:
    """The blob `container/path` in the account of a linked service. Raises: ActivityFailed."""
    kind, properties = doing.linked(reference)
    if kind not in TYPES:
        raise ActivityFailed(WRONG_LINKED, f"The linked service type '{kind}' is not supported for storage files.")
    try:
        split_location(path)
    except ValueError as wrong:
        raise ActivityFailed("2111", f"The file path {path!r} must hold the container and a name: {wrong}.") from wrong
    path = path.lstrip("/")
    if "connectionString" in properties:
        return _by_connection(secret(properties, "connectionString"), path)
    if "sasUri" in properties:
        address, _, token = secret(properties, "sasUri").partition("?")
        return BlobReference(
            base_location=address.rstrip("/") + "/", relative_location=path, sas_blob_token=f"?{token}"
        )
    return _own(doing, properties, path)


def _by_connection(text: str, path: str) -> BlobReference:
    try:
        account_of(text)
    except BadConnectionString as wrong:
        raise ActivityFailed(BAD_CONNECTION, "The storage connection string is invalid.") from wrong
    return BlobReference(connection_string=text, relative_location=path)


def _own(doing: Doing, properties: dict[str, Any], path: str) -> BlobReference:
    """By `serviceEndpoint` and the factory's identity: the services' own account, which they open without a SAS."""
    endpoint = str(properties.get("serviceEndpoint") or "").rstrip("/")
    if not endpoint:
        raise missing("connectionString")
    if urlsplit(endpoint) != urlsplit(doing.home.engine.blobs.own.url):
        raise ActivityFailed(BAD_CONNECTION, f"The factory's identity has no role at {endpoint}.")
    return BlobReference(base_location=endpoint + "/", relative_location=path)
