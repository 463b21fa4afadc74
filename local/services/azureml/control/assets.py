"""Versioned assets: models, data, environments, components, codes. What is put, found, listed; how it is shown.

Source: the management API's stable version 2025-12-01 (`{collection}/{name}/versions/{version}`).
"""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from local.services.azureml.control import bindings
from local.services.azureml.control.errors import wrong
from local.services.azureml.control.records import AssetContainer, RegistryAsset
from local.services.azureml.records import MlWorkspace
from local.services.engine.store import Store

Json = dict[str, Any]
COLLECTIONS = ("models", "data", "environments", "components", "codes")
NEEDED = {"models": "modelUri", "data": "dataUri", "components": "componentSpec"}
"""Without this member an asset is nothing."""
CHANGEABLE = frozenset(("description", "tags", "properties", "isArchived", "stage", "flavors"))
_DEFAULTS: dict[str, Json] = {
    "models": {"modelType": "custom_model", "flavors": {}},
    "data": {"dataType": "uri_folder"},
    "environments": {"environmentType": "UserCreated", "osType": "Linux"},
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


def find(store: Store, workspace: MlWorkspace, collection: str, name: str, version: str) -> RegistryAsset | None:
    """The version, or None; `latest` is the newest that is not archived."""
    if version == "latest":
        found = [one for one in versions(store, workspace, collection, name) if not one.properties.get("isArchived")]
        return found[0] if found else None
    return store.find(RegistryAsset, key(workspace, collection, name, version))


def key(workspace: MlWorkspace, *path: str) -> str:
    """The id of a record of something in the workspace."""
    return "/".join((workspace.id, *path))


def get(store: Store, workspace: MlWorkspace, collection: str, name: str, version: str) -> RegistryAsset:
    """The version. Raises: WireError, 404."""
    found = find(store, workspace, collection, name, version)
    if found is None:
        raise wrong(404, f"There is no {collection}/{name} version {version} in workspace {workspace.name}.")
    return found


def versions(store: Store, workspace: MlWorkspace, collection: str, name: str) -> list[RegistryAsset]:
    """All versions, the newest first."""
    found = store.all(RegistryAsset, workspace=workspace.id, collection=collection, name=name)
    return list(found)[::-1]


def put(
    store: Store, workspace: MlWorkspace, collection: str, name: str, version: str, properties: Json
) -> tuple[RegistryAsset, bool]:
    """Keeps a new version, or changes what may change of one; says whether it is new. Raises: WireError."""
    found = store.find(RegistryAsset, key(workspace, collection, name, version))
    if found is not None:
        _change(found, properties)
        store.save(found)
        return found, False
    _check(collection, name, version, properties)
    made = RegistryAsset(
        id=key(workspace, collection, name, version),
        created=time.time(),
        workspace=workspace.id,
        collection=collection,
        name=name,
        version=version,
        properties={**_DEFAULTS.get(collection, {}), **_texts(properties)},
    )
    store.save(made)
    return made, True


def _check(collection: str, name: str, version: str, properties: Mapping[str, Any]) -> None:
    for given in (name, version):
        if not _NAME.fullmatch(given):
            raise wrong(400, f"{given!r} cannot be a name or version: letters, digits, dots, dashes, underscores.")
    needed = NEEDED.get(collection)
    if needed and not properties.get(needed):
        raise wrong(400, f"properties.{needed} is needed for {collection}/{name}.")


def _texts(properties: Mapping[str, Any]) -> Json:
    """What is present; values of tags and properties are texts, and numbers become so."""
    present = {name: value for name, value in properties.items() if value is not None}
    for member in ("tags", "properties"):
        if member in present:
            present[member] = {name: _text(member, name, value) for name, value in present[member].items()}
    return present


def _text(member: str, name: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise wrong(400, f"properties.{member}.{name} is {value!r}; values of {member} are texts.")
    return bindings.text(value)


def _change(asset: RegistryAsset, properties: Json) -> None:
    given = _texts(properties)
    for name, value in given.items():
        if name not in CHANGEABLE and asset.properties.get(name) != value and name != "provisioningState":
            raise wrong(
                409,
                f"{asset.collection}/{asset.name} version {asset.version} exists with another {name}; "
                "put a new version instead.",
            )
    asset.properties.update({name: value for name, value in given.items() if name in CHANGEABLE})
    asset.modified = time.time()


def about(store: Store, workspace: MlWorkspace, collection: str, name: str) -> Json:
    """Properties of the container: what was put about it, its latest version and the next one to take.

    Raises: WireError, 404.
    """
    there = versions(store, workspace, collection, name)
    container = store.find(AssetContainer, key(workspace, collection, name))
    if not there and container is None:
        raise wrong(404, f"There is no {collection}/{name} in workspace {workspace.name}.")
    numbers = [int(one.version) for one in there if one.version.isdecimal()]
    given = container.properties if container else {}
    kind = {"dataType": there[0].properties["dataType"]} if there and collection == "data" else {}
    return {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": bool(there) and all(one.properties.get("isArchived") for one in there),
        **kind,
        **given,
        "latestVersion": there[0].version if there else None,
        "nextVersion": str(max(numbers, default=0) + 1),
        **_state(collection),
    }


def names(store: Store, workspace: MlWorkspace, collection: str) -> list[str]:
    """Names of all assets of a collection, the newest first."""
    assets = store.all(RegistryAsset, workspace=workspace.id, collection=collection)
    containers = store.all(AssetContainer, workspace=workspace.id, collection=collection)
    every: list[RegistryAsset | AssetContainer] = [*assets, *containers]
    found = sorted(every, key=lambda one: one.created, reverse=True)
    return list(dict.fromkeys(one.name for one in found))


def matching(found: Iterable[RegistryAsset], query: Mapping[str, str], heed_tags: bool) -> list[RegistryAsset]:
    """The versions that the query of a list means, in its order. Raises: WireError, 400."""
    wanted = _tags(query.get("tags", "")) if heed_tags else {}
    chosen = [
        one
        for one in found
        if query.get("version") in (None, one.version)
        and all(_has(one.properties.get("tags") or {}, name, value) for name, value in wanted.items())
    ]
    order = query.get("$orderBy") or query.get("$orderby") or ""
    if order.lower().endswith("asc"):
        chosen.reverse()
    top = query.get("$top") or str(len(chosen))
    if not top.isdecimal():
        raise wrong(400, f"$top is {top!r}; it is a number.")
    return chosen[: int(top)]


def _tags(text: str) -> dict[str, str | None]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return {name.strip(): value.strip() if equals else None for name, equals, value in pairs}


def _has(tags: Mapping[str, str], name: str, value: str | None) -> bool:
    return name in tags and value in (None, tags[name])


def shown(asset: RegistryAsset) -> Json:
    """Properties of a version as an answer has them."""
    return {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "isAnonymous": False,
        **asset.properties,
        **_state(asset.collection),
    }


def _state(collection: str) -> Json:
    return {} if collection == "data" else {"provisioningState": "Succeeded"}  # the document has none for data
