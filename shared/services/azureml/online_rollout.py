"""Blue/green at one online endpoint: a model gets a deployment of its own, then traffic in steps, and back at once.

Nothing is kept here: each call looks at what stands at the service and asks for what comes next, so whoever finds a
change that was cut off, in whatever place, can go on with it. How far it is said to be travels in an `Aim`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from retrain.errors import BadConfiguration, BadRequest, PermanentError
from retrain.ports import JobState, JobStatus
from retrain.run import Artifact
from shared.services.azureml.deployments import PREFIX
from shared.services.azureml.online_control import OnlineEndpoint, Resource
from shared.services.azureml.online_traffic import (
    ALL,
    BEFORE,
    LIVE,
    Aim,
    goes_back,
    main,
    moved,
    next_share,
)
from shared.services.azureml.registry import MlRegistry

SHA, BLOB, STAGED = "retrainSha256", "retrainBlob", "retrainStaged"
"""Tags of a deployment that we made: its model, and when a candidate was last tried there."""
MOST_TRIES = 2
"""So many times a deployment is made whose provisioning fails."""
UNSHARED = ("model", "properties", "provisioningState")
"""Properties that a deployment does not take over from the one that is live."""
Opened = Callable[[Resource], Iterator[bytes]]
"""The bytes of a deployment's model."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How deployments are made and traffic moves: `own` are properties that are not taken over from the live
    deployment, `instances` its machines where not as many, `bake` the seconds of each step."""

    steps: Sequence[int]
    bake: float
    own: Mapping[str, Any]
    instances: int | None = None


class Rollout:
    """See the module. `opened` reads a model that we did not deploy, once, to know it by its bytes."""

    def __init__(
        self, online: OnlineEndpoint, registry: MlRegistry, plan: Plan, opened: Opened, now: Callable[[], datetime]
    ) -> None:
        self._online, self._registry, self._plan, self._opened, self._now = online, registry, plan, opened, now
        self._hashes: dict[str, str] = {}  # by id of a model's version: those never change

    def aim(self, artifact: Artifact, *, live: bool) -> Aim:
        """What a change to this model is after, as the endpoint stands now."""
        there = self._online.deployments()
        name = self.holder(artifact, there) or f"{PREFIX}{artifact.sha256[:16]}"
        left = name in there and there[name].broken  # by a change before this one: not one of its tries
        found = Aim(name, artifact.blob, artifact.sha256, live=live, tries=0 if left else 1)
        if not live:
            return found
        known = self._online.get()
        alone = not main(known.traffic, without=name)
        return msgspec.structs.replace(found, at_once=alone or goes_back(known.tagged, name, artifact.blob))

    def holder(self, artifact: Artifact, there: Mapping[str, Resource]) -> str:
        """The deployment that has this model; empty where none has."""
        for name, one in there.items():
            if artifact.sha256 == (one.tagged.get(SHA) or self._hash(one)):
                return name
        return ""

    def _hash(self, deployment: Resource) -> str:
        model = deployment.model
        if model not in self._hashes:
            self._hashes[model] = self._hashed(deployment)
        return self._hashes[model]

    def _hashed(self, deployment: Resource) -> str:
        """Empty for a model that cannot be read: then it is none of those that we could put back."""
        digest = sha256()
        try:
            for block in self._opened(deployment):
                digest.update(block)
        except PermanentError:
            return ""
        return digest.hexdigest()

    def body(self, artifact: Artifact, there: Mapping[str, Resource], traffic: Mapping[str, int]) -> dict[str, Any]:
        """What is sent to deploy a model, without where: as `template`, with this model. Raises BadConfiguration."""
        made = self.template(there, traffic)
        tags = {SHA: artifact.sha256, BLOB: artifact.blob, STAGED: self._now().isoformat()}
        return {
            **made,
            "tags": tags,
            "properties": {**made["properties"], "model": self._registry.version_of(artifact)},
        }

    def template(self, there: Mapping[str, Resource], traffic: Mapping[str, int]) -> dict[str, Any]:
        """How a deployment is made: as the live one is, and with our own settings; without its model.

        Raises:
            BadConfiguration: there is none to be taken as a model, and the configuration says too little.
        """
        like = there.get(main(traffic)) or next(iter(there.values()), None)
        taken = {name: value for name, value in like.writable.items() if name not in UNSHARED} if like else {}
        properties = {"endpointComputeType": "Managed", **taken, **self._plan.own}
        if not properties.get("instanceType"):
            raise BadConfiguration(
                f"{self._online.url} has no deployment to be taken as a model; say in `deployment` what one needs: "
                'instanceType = "Standard_DS3_v2", environmentId, codeConfiguration = { codeId, scoringScript }'
            )
        sku = {"name": "Default", "tier": "Standard", "capacity": 1, **((like.sku if like else None) or {})}
        instances = {"capacity": self._plan.instances} if self._plan.instances else {}
        known = {name: value for name, value in sku.items() if value is not None}
        return {"sku": {**known, **instances}, "properties": properties}

    def drive(self, aim: Aim) -> JobStatus:
        """One look at how far the change is, and the next thing asked for, if it is time for it."""
        there = self._online.deployments()
        found, known = there.get(aim.deployment), self._online.get()
        if known.busy or any(one.busy for one in there.values()):
            return _running(aim)
        if found is None:
            artifact = Artifact(blob=aim.blob, sha256=aim.sha256)
            body = {"location": known.location, **self.body(artifact, there, known.traffic)}
            self._online.put_deployment(aim.deployment, body)
            return _running(aim)
        if found.broken:
            return self._made_again(aim, found, known)
        return self._moved(aim, known) if aim.live else self._staged(aim, found, there)

    def _made_again(self, aim: Aim, broken: Resource, known: Resource) -> JobStatus:
        """A deployment whose first provisioning failed can only be deleted. One with traffic is not touched."""
        if aim.tries >= MOST_TRIES or known.traffic.get(broken.name):
            return JobStatus(state=JobState.FAILED, details=f"deployment {self._online.why(broken)}")
        self._online.delete_deployment(broken.name)
        return _running(msgspec.structs.replace(aim, tries=aim.tries + 1))

    def _staged(self, aim: Aim, found: Resource, there: Mapping[str, Resource]) -> JobStatus:
        if staged_last(there) != found.name:
            self._online.tag_deployment(found, {STAGED: self._now().isoformat()})
            return _running(aim)
        return JobStatus(state=JobState.SUCCEEDED)

    def _moved(self, aim: Aim, known: Resource) -> JobStatus:
        """Traffic: asked for, reached, left for a while, and on to the next step."""
        share = known.traffic.get(aim.deployment, 0)
        if known.broken and aim.asked > share:
            return JobStatus(
                state=JobState.FAILED, details=f"traffic stayed as it was; endpoint {self._online.why(known)}"
            )
        if share == ALL and (aim.at_once or self._baked(aim, share)):
            return JobStatus(state=JobState.SUCCEEDED)
        if aim.at_once:
            return self._ask(aim, known, ALL)
        if share and share != aim.share:
            reached = msgspec.structs.replace(aim, share=share, since=self._now().timestamp())
            return _running(reached, f"{share} % of the traffic")
        if share and not self._baked(aim, share):
            return _running(aim, f"{share} % of the traffic")
        return self._ask(aim, known, next_share(share, self._plan.steps))

    def _baked(self, aim: Aim, share: int) -> bool:
        return aim.share == share and self._now().timestamp() >= aim.since + self._plan.bake

    def _ask(self, aim: Aim, known: Resource, share: int) -> JobStatus:
        """Asks for the next share. A refusal is the end of the change: what was moved has to be moved back."""
        tags = {BEFORE: "" if aim.at_once else main(known.traffic, without=aim.deployment)}
        if share == ALL:
            tags[LIVE] = aim.blob
        try:
            self._online.put_traffic(known, moved(known.traffic, aim.deployment, share), tags)
        except BadRequest as refused:
            return JobStatus(state=JobState.FAILED, details=str(refused))
        return _running(msgspec.structs.replace(aim, asked=share))

    def tidy(self, needed: Collection[str], *, confirmed: bool) -> list[str]:
        """Removes what nobody needs: deployments of ours without traffic, and the one that was live before once the
        one after it is `confirmed`; `needed` are hashes of models. The names of those it asked to be removed."""
        there, known = self._online.deployments(), self._online.get()
        if known.busy or any(one.busy for one in there.values()):
            return []
        before = known.tagged.get(BEFORE, "")
        gone = [
            name
            for name, one in there.items()
            if not known.traffic.get(name)
            and one.tagged.get(SHA) not in needed
            and (confirmed if name == before else SHA in one.tagged)
        ]
        for name in gone[:1]:  # one at a time: the service refuses more
            self._online.delete_deployment(name)
        return gone[:1]


def staged_last(there: Mapping[str, Resource]) -> str:
    """The deployment in which a candidate was tried last; empty when there was none."""
    staged = {name: one.tagged[STAGED] for name, one in there.items() if STAGED in one.tagged and not one.broken}
    return max(staged, key=lambda name: staged[name], default="")


def _running(aim: Aim, partly: str = "") -> JobStatus:
    return JobStatus(state=JobState.RUNNING, operation=aim.text(), partly=partly)
