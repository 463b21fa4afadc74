"""The models of a workspace of Azure ML: the port `Registry`.

Each candidate is a version of one registered model, known by the hash of its bytes. Its tags say what it came from and
what became of it, so the champions can be found again here when everything else is lost.
Sources: machinelearningservices stable/2025-12-01, ModelVersions; how-to-manage-models.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.errors import Conflict, NotFound
from retrain.ports import Blobs, Crowned, Lineage
from retrain.run import Artifact, State
from shared.services.azureml.assets import name_and_version
from shared.services.azureml.workspace import Workspace

SHA, BLOB, TARGET, CHAMPION = "retrainSha256", "retrainBlob", "retrainTarget", "retrainChampion"
LONGEST = 256
"""Characters of a tag's value."""
MOST_TAGS = 50
TRIES = 5
"""So many numbers are tried when others register at the same time."""
Json = dict[str, Any]


class MlVersion(msgspec.Struct, frozen=True):
    """A version as Resource Manager shows it."""

    id: str
    name: str
    properties: Json

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return {**(self.properties.get("tags") or {})}

    @property
    def sha256(self) -> str:
        """Of its bytes; empty of one that Retrain did not register."""
        return str((self.properties.get("properties") or {}).get(SHA) or self.tags.get(SHA) or "")


class MlRegistry:
    """The versions of one registered model. Satisfies `retrain.ports.Registry`."""

    def __init__(self, workspace: Workspace, name: str, blobs: Blobs) -> None:
        self._workspace, self._name, self._blobs = workspace, name, blobs
        self._tail = f"models/{quote(name, safe='')}"
        self._known: dict[str, str] = {}  # versions by hash: they never change

    def keep(self, told: Lineage) -> str:
        """Registers the model unless it is, and tags it; the id of its version. Repeating it is harmless.

        Tags that others gave it stay. A version that somebody else registered and deployed is taken as it is. What is
        known of the end is not taken back by a late delivery that tells of the beginning.
        """
        found = self._found(told.artifact) or self._deployed(told.served)
        found = found or self._registered(told.artifact, tags_of(told), told.job)
        given = tags_of(told)
        tags = {**given, **found.tags} if told.state == State.TRAINED else {**found.tags, **given}
        if tags != found.tags:
            self._put(found.name, {**_writable(found.properties), "tags": tags}, f"tag {self._name}:{found.name}")
        return found.id

    def version_of(self, artifact: Artifact) -> str:
        """The id of the version that these bytes are; they are registered unless they were.

        A version whose file was cleaned up is none: the same bytes are registered anew, from where they are now.
        """
        if known := self._known.get(artifact.sha256):
            return known
        found = self._found(artifact)
        if found is not None and self._there(found):
            return found.id
        tags = {SHA: artifact.sha256, BLOB: artifact.blob}
        return self._registered(artifact, tags, "", but=found.id if found else "").id

    def champions(self, target: str) -> list[Crowned]:
        """The models that are or were in production for a target, the present one first."""
        found = [one for one in self._versions() if one.tags.get(TARGET) == target and CHAMPION in one.tags]
        return sorted((_crowned(one) for one in found), key=lambda one: -one.version)

    def blob_of(self, asset: str) -> str:
        """The blob of ours that a version's file is; empty when it lies elsewhere. Raises NotFound."""
        name, version = name_and_version(asset)
        tail = f"models/{quote(name, safe='')}/versions/{quote(version, safe='')}"
        found = self._workspace.call("GET", tail, f"look at model {name}:{version}").json(MlVersion)
        return self._workspace.stores.blob(str(found.properties.get("modelUri") or "")) or found.tags.get(BLOB, "")

    def _versions(self) -> Iterator[MlVersion]:
        """All of them, the newest first."""
        tail = f"{self._tail}/versions?$orderBy=createdtime%20desc&listViewType=All"
        try:
            for one in self._workspace.pages(tail, f"list versions of model {self._name}"):
                yield msgspec.convert(one, MlVersion)
        except NotFound:
            return  # a model comes into being with its first version

    def _found(self, artifact: Artifact) -> MlVersion | None:
        return next((one for one in self._versions() if one.sha256 == artifact.sha256), None)

    def _deployed(self, asset: str) -> MlVersion | None:
        """The version that an endpoint serves, if it is one of this model that nobody told us the hash of."""
        base = f"{self._workspace.path}/{self._tail}/versions/".lower()
        if not asset.lower().startswith(base):
            return None
        tail = f"{self._tail}/versions/{asset[len(base) :]}"
        shown = self._workspace.find(tail, f"look at model {asset}")
        found = None if shown is None else msgspec.convert(shown, MlVersion)
        return found if found is not None and not found.sha256 else None

    def _there(self, version: MlVersion) -> bool:
        """Whether its file is; one that lies outside of our storage is believed to be."""
        blob = self._workspace.stores.blob(str(version.properties.get("modelUri") or ""))
        try:
            if blob:
                self._blobs.head(blob)
        except NotFound:
            return False
        self._known[version.sha256] = version.id
        return True

    def _registered(self, artifact: Artifact, tags: Mapping[str, str], job: str, but: str = "") -> MlVersion:
        """A new version, or the one that another delivery made of these bytes meanwhile, unless it is `but`.

        The number is asked for before the look: who registers the same after that puts the same under the same number,
        and who takes the number for another file is in conflict.
        """
        body = {
            "modelType": "custom_model",
            "modelUri": self._workspace.stores.uri(artifact.blob, whole=True),
            "tags": dict(tags),
            "properties": {SHA: artifact.sha256},
            **({"jobName": job} if job else {}),
        }
        for _ in range(TRIES):
            version = self._next()
            found = self._found(artifact)
            if found is not None and found.id != but:
                return found
            try:
                return self._put(version, body, f"register {artifact.blob} as {self._name}:{version}")
            except Conflict as error:
                taken = error
        raise taken

    def _next(self) -> str:
        found = self._workspace.find(self._tail, f"look at model {self._name}")
        return str((found or {}).get("properties", {}).get("nextVersion") or "1")

    def _put(self, version: str, properties: Json, asked: str) -> MlVersion:
        tail = f"{self._tail}/versions/{quote(version, safe='')}"
        return self._workspace.call("PUT", tail, asked, {"properties": properties}).json(MlVersion)


def tags_of(told: Lineage) -> dict[str, str]:
    """What a registry is told, as texts: the model's origin, its metrics, and what became of it."""
    champion = {CHAMPION: str(told.champion), "retrainSince": told.since} if told.champion is not None else {}
    metrics = {f"retrainMetric.{name}": f"{value:.6g}" for name, value in told.metrics.items()}
    facts = {
        TARGET: told.target,
        SHA: told.artifact.sha256,
        BLOB: told.artifact.blob,
        "retrainRun": told.run,
        "retrainJob": told.job,
        "retrainData": told.data,
        "retrainManifest": told.manifest,
        "retrainFiles": told.files,
        "retrainState": told.state,
        "retrainDecision": told.decision,
        **champion,
        **metrics,
    }
    given = {name: _cut(value) for name, value in facts.items() if value}
    return dict([*given.items()][:MOST_TAGS])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _writable(properties: Json) -> Json:
    kept = ("modelType", "modelUri", "jobName", "description", "properties", "flavors", "isArchived", "stage")
    return {name: properties[name] for name in kept if properties.get(name) is not None}


def _crowned(version: MlVersion) -> Crowned:
    tags = version.tags
    return Crowned(
        version=int(tags[CHAMPION]),
        asset=version.id,
        artifact=Artifact(blob=tags.get(BLOB, ""), sha256=version.sha256),
        run=tags.get("retrainRun", ""),
        since=tags.get("retrainSince", ""),
    )
