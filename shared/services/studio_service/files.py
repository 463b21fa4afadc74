"""Definitions of "new" web services as people keep them in files: what one lacks, and what is sent of it.

Finding and rewriting the trained model in one is `definition`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrain.errors import BadConfiguration
from shared.services import urls
from shared.services.studio.blobs import MODEL_SUFFIX, BlobReference
from shared.services.studio_service.definition import UNKEPT, Asset, Definition, comparable, difference

_KEPT_SECRETS = frozenset({"keys", "commitmentplan"})
_SAID = UNKEPT - _KEPT_SECRETS


def wrong(definition: Definition) -> Iterator[str]:
    """What keeps a definition from being sent at all."""
    if str(definition.value("properties", "packageType") or "") != "Graph":
        yield f"properties.packageType is {definition.value('properties', 'packageType')!r}; it must be Graph"
    for member in ("assets", "package", "input", "output"):
        if not definition.value("properties", member):
            yield f"properties.{member} is missing"
    for asset in definition.models():
        yield from _misplaced(asset, definition.account)


def _misplaced(asset: Asset, account: str) -> Iterator[str]:
    bare, place = urls.plain(asset.uri), BlobReference.of(urls.plain(asset.uri))
    if not bare.lower().endswith(MODEL_SUFFIX):
        yield f"{asset.name!r} is at {bare}, which does not end in {MODEL_SUFFIX}"
    if bare != asset.uri:
        yield f"the address of {asset.name!r} has a signature; the service reads it through its own storage account"
    if account and place.account.lower() != account.lower():
        yield f"{asset.name!r} is in storage account {place.account!r}, the service reads in {account!r}: copy it there"


def needed(definition: Definition) -> list[str]:
    """What a PUT needs besides: an export has none of it, and neither has what GET answers but for the location."""
    paths = (
        ("location",),
        ("properties", "storageAccount", "name"),
        ("properties", "storageAccount", "key"),
        ("properties", "commitmentPlan", "id"),
    )
    return [".".join(path) for path in paths if not definition.value(*path)]


def moved(definition: Definition, wanted: str | None, model: str) -> tuple[Definition, Asset]:
    """The definition with its trained model elsewhere, and that model as it was.

    `model` is an address, or `container/name` in the storage account of the present one; a signature is left off.

    Raises:
        BadConfiguration: it is no such thing, or the service could not read it there.
    """
    asset = definition.model(wanted)
    uri = urls.plain(model.strip())
    if "://" not in uri:
        base = BlobReference.of(urls.plain(asset.uri)).base_location
        uri = BlobReference(base_location=base, relative_location=uri).address
    urls.origin(uri)
    problems = list(_misplaced(Asset(asset.key, asset.name, uri), definition.account))
    if problems:
        raise BadConfiguration(f"rewrite {asset.name!r}: {'; '.join(problems)}")
    return definition.with_model(asset, uri), asset


def patch_of(definition: Definition) -> dict[str, Any]:
    """What a PATCH sends of it: all of `properties` and the tags, but nothing that the service says itself."""
    tags = definition.value("tags")
    return {**({"tags": tags} if tags else {}), "properties": definition.members(without=_SAID)}


def changes(live: Definition, wanted: Definition, *, whole: bool) -> list[dict[str, Any]]:
    """What sending it would change. With a PATCH (not `whole`) members that it leaves out stay as they are."""
    found = difference(comparable(live), comparable(wanted))
    return [one for one in found if whole or "after" in one or one["path"].count(".") > 1]


def example(definition: Definition) -> dict[str, Any] | None:
    """Its `exampleRequest` as a request to score; None when there is none."""
    inputs = definition.value("properties", "exampleRequest", "inputs")
    if not isinstance(inputs, dict) or not inputs:
        return None
    columns = {name: definition.value("properties", "input", "properties", name, "properties") or {} for name in inputs}
    tables = {name: {"ColumnNames": list(columns[name]), "Values": rows} for name, rows in inputs.items()}
    given = definition.value("properties", "exampleRequest", "globalParameters") or {}
    return {"Inputs": tables, "GlobalParameters": given}
