"""Files of a workspace that lie outside of our own containers: found by what a URI names, and read where they are.

A model that users made themselves is mostly an output of a job, in the workspace's own datastore. To have a way back to
it, it is read there once, with what the datastore itself gives: its key, its SAS, or our identity's right to read.
Sources: machinelearningservices stable/2025-12-01, Datastores_ListSecrets; how-to-manage-models.md (forms of URIs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.errors import AccessDenied, NotFound
from shared.services import urls
from shared.services.azureml.assets import name_and_version
from shared.services.azureml.workspace import Workspace

ARTIFACTS = "workspaceartifactstore"
_STORED = re.compile(r"azureml:/.*?datastores/(?P<store>[^/]+)/paths/(?P<path>.+)", re.IGNORECASE)
_OUTPUT = re.compile(r"azureml:/.*?jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)/?(?:paths/(?P<path>.*))?")
_RUN = re.compile(r"runs:/(?P<job>[^/]+)/(?P<path>.+)")
Json = dict[str, Any]


class _Secrets(msgspec.Struct, rename="camel"):
    key: str | None = None
    sas_token: str | None = None


class WorkspaceFiles:
    """See the module."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def model(self, asset: str) -> Iterator[bytes]:
        """The bytes of a registered version that is one file, or a folder with one.

        Raises:
            NotFound: nothing is there. AccessDenied: it is more than one file, or lies where we may not read.
        """
        name, version = name_and_version(asset)
        tail = f"models/{quote(name, safe='')}/versions/{quote(version, safe='')}"
        found = self._workspace.call("GET", tail, f"look at model {name}:{version}").json(Json)
        return self.open(str(found["properties"].get("modelUri") or ""))

    def open(self, uri: str) -> Iterator[bytes]:
        """The bytes behind a URI of the workspace. Raises: as `model`."""
        stored = _STORED.fullmatch(self._placed(uri))
        if stored is None:
            raise AccessDenied(f"{urls.plain(uri)} is no path in a datastore, so it cannot be read from here")
        return self._read(stored["store"], stored["path"])

    def _placed(self, uri: str) -> str:
        """The path in a datastore that an output of a job, or a file of a run, is."""
        if found := _RUN.fullmatch(uri):
            return _artifact(found["job"], found["path"])
        found = _OUTPUT.fullmatch(uri)
        if found is None:
            return uri
        job, output, path = found["job"], found["output"], found["path"] or ""
        if output in ("artifacts", "default"):
            return _artifact(job, path)
        shown = self._workspace.call("GET", f"jobs/{quote(job, safe='')}", f"look at job {job}").json(Json)
        place = ((shown["properties"].get("outputs") or {}).get(output) or {}).get("uri")
        if not place:
            raise NotFound(f"job {job} says not where its output {output!r} is")
        return f"{place.rstrip('/')}/{path}" if path else str(place)

    def _read(self, store: str, path: str) -> Iterator[bytes]:
        from shared.storage.accounts import Storage

        account, container = self._account(store)
        with closing(Storage(account)) as storage:
            there = [info.blob for info in storage.blobs.list(container, path)]
            whole = f"{container}/{path}".rstrip("/")
            files = [blob for blob in there if blob == whole or blob.startswith(f"{whole}/")]
            if not files:
                raise NotFound(f"datastore {store} has nothing at {path}")
            if len(files) > 1:
                raise AccessDenied(f"{path} in datastore {store} is a folder of {len(files)} files, not one file")
            yield from storage.blobs.open(files[0])

    def _account(self, store: str) -> tuple[Any, str]:
        """The storage account of a blob datastore with what opens it, and its container."""
        from shared.storage.accounts import Account

        tail = f"datastores/{quote(store, safe='')}"
        shown = self._workspace.call("GET", tail, f"look at datastore {store}").json(Json)["properties"]
        if shown.get("datastoreType") != "AzureBlob":
            raise AccessDenied(f"datastore {store} is a {shown.get('datastoreType')}; only blob containers are read")
        name, secrets = str(shown["accountName"]), self._secrets(tail, store, shown)
        address = _address(name, str(shown.get("protocol") or "https"), str(shown.get("endpoint") or ""))
        sas = (secrets.sas_token or "").lstrip("?")
        return Account(name, {"blob": address}, key=secrets.key or "", sas=sas), str(shown["containerName"])

    def _secrets(self, tail: str, store: str, shown: Json) -> _Secrets:
        """What opens a datastore; nothing where it is read by identity."""
        if (shown.get("credentials") or {}).get("credentialsType") in (None, "None"):
            return _Secrets()
        asked = f"ask for the key of datastore {store}"
        return self._workspace.call("POST", f"{tail}/listSecrets", asked).json(_Secrets)


def _artifact(job: str, path: str) -> str:
    return f"azureml://datastores/{ARTIFACTS}/paths/ExperimentRun/dcid.{job}/{path}"


def _address(account: str, protocol: str, endpoint: str) -> str:
    """Of an account's blobs: a host of its own, or a path where storage is on this machine."""
    place = f"{protocol}://{endpoint or 'core.windows.net'}"
    if urls.is_loopback(urls.host_of(place)):
        return f"{place}/{account}"
    return f"{protocol}://{account}.blob.{endpoint or 'core.windows.net'}"
