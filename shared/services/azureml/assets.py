"""Names of things in a workspace of Azure ML: assets by name and version, and blobs of ours as paths in datastores.

No calls are made here. Sources: how-to-access-data-batch-endpoints-jobs.md; how-to-manage-models.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from retrain.errors import BadConfiguration
from shared.services.arm import resource_url

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_PROVIDER = f"/providers/{WORKSPACES}/"
_SHORT = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9][\w.-]*):(?P<version>[A-Za-z0-9][\w.-]*)")
_STORED = re.compile(r"(?:azureml:/)?/?.*?datastores/(?P<store>[^/]+)/paths/(?P<path>.+)", re.IGNORECASE)
_VERSION = re.compile(r"/(?P<kind>\w+)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/?$")


def workspace_path(workspace: str) -> str:
    """`/subscriptions/…/workspaces/W` of a workspace's address. Raises BadConfiguration."""
    return "/subscriptions/" + resource_url(workspace, WORKSPACES).partition("/subscriptions/")[2]


def problems(workspace: str, references: Mapping[str, str]) -> list[str]:
    """What is wrong with a workspace's address, and with references to assets, by setting; empty ones are left out."""
    found = []
    try:
        workspace_path(workspace)
    except BadConfiguration as error:
        found.append(f"workspace: {error}")
    wrong = [name for name, given in references.items() if given and not (_SHORT.fullmatch(given) or _is_id(given))]
    return [*found, *(f"{name} = {references[name]!r} must be NAME:VERSION, or the asset's whole id" for name in wrong)]


def _is_id(reference: str) -> bool:
    return reference.startswith(("/subscriptions/", "azureml://")) and _VERSION.search(reference) is not None


def asset_id(path: str, kind: str, reference: str) -> str:
    """The Resource Manager id of an asset (`kind`: components, environments, …) of the workspace at `path`."""
    found = _SHORT.fullmatch(reference)
    return f"{path}/{kind}/{found['name']}/versions/{found['version']}" if found else reference


def name_and_version(reference: str) -> tuple[str, str]:
    """Of an id, or of `NAME:VERSION`.

    Raises:
        BadConfiguration: it is neither.
    """
    found = _SHORT.fullmatch(reference) or _VERSION.search(reference)
    if found is None:
        raise BadConfiguration(f"{reference!r} names no version of an asset; write NAME:VERSION, or its whole id")
    return found["name"], found["version"]


class Stores:
    """Which datastore of the workspace is over which container of ours: `datastores` of the configuration."""

    def __init__(self, path: str, datastores: Mapping[str, str]) -> None:
        self._path, self._stores = path, datastores

    def uri(self, blob: str, *, whole: bool = False) -> str:
        """A blob (container/name) as a path in a datastore; `whole`: with the workspace, as registered models have it.

        Raises:
            BadConfiguration: no datastore was named for its container.
        """
        container, _, path = blob.partition("/")
        if container not in self._stores:
            raise BadConfiguration(
                f'{blob}: `datastores` names none over the container "{container}"; register one in the workspace and '
                f'add it: datastores = {{ {container} = "NAME" }}'
            )
        where = f"datastores/{self._stores[container]}/paths/{path}"
        within = self._path.replace("/resourceGroups/", "/resourcegroups/").replace(_PROVIDER, "/workspaces/")
        return f"azureml:/{within}/{where}" if whole else f"azureml://{where}"

    def blob(self, uri: str) -> str:
        """The blob of ours (container/name) that a path in a datastore means; empty when it is none of ours."""
        found = _STORED.fullmatch(uri.partition("?")[0])
        if found is None:
            return ""
        containers = [container for container, store in self._stores.items() if store == found["store"]]
        return f"{containers[0]}/{found['path'].rstrip('/')}" if containers else ""


def short_name(readable: str, *parts: str) -> str:
    """A name for a job, the same for the same parts: what can be read of it, and a hash that tells it from others."""
    plain = re.sub(r"[^a-z0-9]+", "-", readable.lower()).strip("-")[:40]
    return f"{plain or 'retrain'}-{sha256('|'.join(parts).encode()).hexdigest()[:16]}"
