"""The definition of a "new" (Resource Manager) web service as JSON: finding its trained model, and rewriting only that.

Only the objects on the way to `locationInfo.uri` are taken apart; everything else is carried along as it is written:
order, unknown members, numbers, both api-versions. Members are found in any case, as the service itself does.
Source: Azure ML Web Services REST, `WebService` (2017-01-01 and 2016-05-01-preview).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from retrain.decoding import from_json
from retrain.errors import BadConfiguration, BadRequest
from shared.services.studio.blobs import MODEL_SUFFIX

MARK = "[trained model]"
UNKEPT = frozenset(
    {
        "payloadsinblobstorage",
        "provisioningstate",
        "createdon",
        "modifiedon",
        "swaggerlocation",
        "keys",
        "commitmentplan",
    }
)
"""Members of `properties`, in lower case, that the service says itself or never shows: no difference lies in them."""

Members = dict[str, msgspec.Raw]


class Asset(msgspec.Struct, frozen=True):
    """An asset that is a trained model."""

    key: str
    name: str
    uri: str


class Definition:
    """One definition. `text` is its JSON."""

    def __init__(self, text: bytes | str, where: str = "the definition") -> None:
        """Raises BadRequest: it is no JSON, or no definition of a web service."""
        self.text = text.encode() if isinstance(text, str) else text
        self._where = where
        try:
            self._resource = _members(self.text)
            self._properties = _members(_member(self._resource, "properties") or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest(f"{where} is no definition of a web service: {error}") from None

    def __str__(self) -> str:
        return self.text.decode()

    @property
    def plain(self) -> dict[str, Any]:
        """The whole as plain values, for reading."""
        return from_json(self.text, dict[str, Any])

    def value(self, *path: str) -> Any:
        """A value by the names that lead to it, in any case; None where there is none."""
        found: Any = self.plain
        for step in path:
            members = found.items() if isinstance(found, dict) else ()
            found = next((one for name, one in members if name.lower() == step.lower()), None)
        return found

    @property
    def account(self) -> str:
        """The name of the storage account that the service reads its models in."""
        return str(self.value("properties", "storageAccount", "name") or "")

    def models(self) -> list[Asset]:
        """Assets that are trained models: resources called `… [trained model]`, or at an `.ilearner`."""
        assets = self.value("properties", "assets")
        found = (_asset(key, one) for key, one in assets.items()) if isinstance(assets, dict) else iter(())
        return [asset for asset in found if asset is not None]

    def model(self, wanted: str | None) -> Asset:
        """The trained model by its name or key; the only one when none is named.

        Raises:
            BadConfiguration: there is none, or several and none was named; lists those there are.
        """
        there = self.models()
        listed = ", ".join(f"{one.name!r} ({one.key})" for one in there)
        if not there:
            raise BadConfiguration(f"{self._where} has no trained model: {_reason(self)}")
        if wanted is None and len(there) > 1:
            raise BadConfiguration(f"{self._where} has several trained models: {listed}; set `asset` to one of them")
        for asset in there:
            if wanted in (None, asset.name, asset.key):
                return asset
        raise BadConfiguration(f"{self._where} has no trained model {wanted!r}; it has {listed}. Case matters.")

    def with_model(self, asset: Asset, uri: str) -> Definition:
        """The same with the trained model at another address, and nothing else changed."""
        assets, key = self._assets(asset, uri)
        properties = {**self._properties, key: assets}
        name = _name(self._resource, "properties")
        return Definition(msgspec.json.encode({**self._resource, name: msgspec.Raw(msgspec.json.encode(properties))}))

    def patch(self, asset: Asset, uri: str) -> dict[str, Any]:
        """The body of a PATCH for that: all assets, for the service may replace the map as a whole."""
        assets, key = self._assets(asset, uri)
        kind = _name(self._properties, "packageType")
        return {"properties": {kind: self._properties.get(kind, msgspec.Raw(b'"Graph"')), key: assets}}

    def members(self, *, without: Collection[str] = ()) -> Members:
        """The members of `properties`, as they are written; `without` those of these names, in lower case."""
        return {name: one for name, one in self._properties.items() if name.lower() not in without}

    def put(self, secrets: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a PUT: the whole, with members of `properties` that GET does not show put in."""
        whole = dict(self._properties)
        for name, value in secrets.items():
            own = _name(whole, name)
            if isinstance(value, dict) and own in whole:
                whole[own] = msgspec.Raw(msgspec.json.encode({**_members(whole[own]), **value}))
            else:
                whole[own] = msgspec.Raw(msgspec.json.encode(value))
        return {**self._resource, _name(self._resource, "properties"): whole}

    def _assets(self, asset: Asset, uri: str) -> tuple[msgspec.Raw, str]:
        """The map of assets with one of them at another address, and how its member is spelled."""
        key = _name(self._properties, "assets")
        assets = _members(self._properties[key])
        one = _members(assets[asset.key])
        place = _name(one, "locationInfo")
        location = _members(one[place])
        location[_name(location, "uri")] = _raw(uri)
        one[place] = _raw(location)
        assets[asset.key] = _raw(one)
        return _raw(assets), key


def difference(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """What differs, as `{"path", "before", "after"}`; where one has no such member, its side is left out."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{path}.{name}" if path else name
            if name in before and name in after:
                yield from difference(before[name], after[name], inner)
            else:
                side = "before" if name in before else "after"
                yield {"path": inner, side: (before if name in before else after)[name]}
    elif before != after:
        yield {"path": path, "before": before, "after": after}


def comparable(definition: Definition) -> dict[str, Any]:
    """The definition without what the service says itself and without what it never shows, under lower-case members."""
    properties = definition.value("properties") or {}
    kept = {name: one for name, one in properties.items() if name.lower() not in UNKEPT}
    account = _name(kept, "storageAccount")
    if isinstance(kept.get(account), dict):
        kept[account] = {name: one for name, one in kept[account].items() if name.lower() != "key"}
    found = {name: definition.value(name) for name in ("location", "tags") if definition.value(name)}
    return {**found, "properties": kept}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _members(text: bytes | msgspec.Raw) -> Members:
    """An object's members, each as it is written."""
    return from_json(bytes(text), dict[str, msgspec.Raw])


def _name(members: Mapping[str, Any], wanted: str) -> str:
    """How a member is spelled there; as wanted when there is none."""
    return next((name for name in members if name.lower() == wanted.lower()), wanted)


def _member(members: Members, wanted: str) -> msgspec.Raw | None:
    return members.get(_name(members, wanted))


def _asset(key: str, asset: Any) -> Asset | None:
    if not isinstance(asset, dict):
        return None
    known = {name.lower(): one for name, one in asset.items()}
    place = known.get("locationinfo")
    uri = next((one for name, one in place.items() if name.lower() == "uri"), "") if isinstance(place, dict) else ""
    name = str(known.get("name") or key)
    is_model = name.lower().endswith(MARK) or str(uri).partition("?")[0].lower().endswith(MODEL_SUFFIX)
    resource = str(known.get("type") or "").lower() == "resource"
    return Asset(key, name, str(uri)) if resource and is_model and uri else None


def _reason(definition: Definition) -> str:
    if definition.value("properties", "payloadsInBlobStorage") is True:
        return "its payload of more than 3 MB lies in a blob (payloadsInBlobStorage), which cannot be rewritten here"
    if not definition.value("properties", "assets"):
        return "it has no assets; a service whose first deployment failed or goes on has none"
    return f"this looks like a training web service. Name the predictive one; its asset is called `… {MARK}`"
