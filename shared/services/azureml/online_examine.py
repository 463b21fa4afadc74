"""What a doctor looks at in the settings of an `azureml-online` endpoint: itself, its deployments, its key."""

from __future__ import annotations

from collections.abc import Iterator

from retrain.errors import PermanentError
from retrain.findings import examined, fail, ok, warn
from retrain.ports import Diagnosis
from shared.services.azureml.online_access import Access
from shared.services.azureml.online_control import OnlineEndpoint, Resource
from shared.services.azureml.online_rollout import Opened, Rollout, staged_last
from shared.services.azureml.online_traffic import BEFORE, main

SUBJECT = "endpoint"


class Examination:
    """One look at everything; changes nothing."""

    def __init__(self, online: OnlineEndpoint, access: Access, rollout: Rollout, opened: Opened) -> None:
        self._online, self._access, self._rollout, self._opened = online, access, rollout, opened

    def findings(self) -> Iterator[Diagnosis]:
        """The endpoint first; what it serves, what else stands there, and whether its key opens it."""
        return examined(SUBJECT, self._endpoint, self._deployments, self._opens)

    def _endpoint(self) -> Iterator[Diagnosis]:
        known = self._online.get()
        if known.broken:
            yield warn(SUBJECT, f"{self._online.why(known)}; its traffic is as it was before that change")
        if len(known.traffic) > 1:
            shared = ", ".join(f"{name} {share} %" for name, share in sorted(known.traffic.items()))
            yield warn(SUBJECT, f"its traffic is shared out ({shared}): a change is under way, or somebody left it so")
        elif known.traffic:
            yield ok(SUBJECT, f"{self._online.name} gives all its traffic to {main(known.traffic)}")
        else:
            yield ok(SUBJECT, f"{self._online.name} has no traffic: nothing is live yet, the first model goes there")

    def _deployments(self) -> Iterator[Diagnosis]:
        known, there = self._online.get(), self._online.deployments()
        live = main(known.traffic)
        yield from examined(SUBJECT, lambda: self._template(live, there), lambda: self._readable(live, there))
        idle = set(there) - {live, known.tagged.get(BEFORE, ""), staged_last(there)}
        for name in sorted(idle):
            yield warn(SUBJECT, f"deployment {name} has no traffic and takes {_machines(there[name])}; is it needed?")
        for one in there.values():
            if one.broken:
                yield warn(SUBJECT, f"deployment {self._online.why(one)}")

    def _template(self, live: str, there: dict[str, Resource]) -> Iterator[Diagnosis]:
        made = self._rollout.template(there, {live: 100} if live else {})
        lacking = [name for name in ("environmentId", "codeConfiguration") if not made["properties"].get(name)]
        size = f"{made['sku'].get('capacity')} x {made['properties']['instanceType']}"
        if lacking:
            yield warn(
                SUBJECT,
                f"a candidate gets {size} without {' and '.join(lacking)}: only models of MLflow run like that",
            )
        else:
            yield ok(SUBJECT, f"a candidate gets {size}, as the live deployment is made")

    def _readable(self, live: str, there: dict[str, Resource]) -> Iterator[Diagnosis]:
        if live not in there:
            return
        try:
            next(iter(self._opened(there[live])), b"")
        except PermanentError as error:
            yield warn(SUBJECT, f"the live model cannot be copied, so there is no way back to it from here: {error}")
        else:
            yield ok(SUBJECT, "the live model can be copied")

    def _opens(self) -> Iterator[Diagnosis]:
        url, key = self._access.known()
        swagger = f"{url.removesuffix('/score')}/swagger.json"
        answer = self._online.arm.http.send("GET", swagger, asked=f"open {self._online.name}", key=key)
        if answer.status in (401, 403):
            yield fail(SUBJECT, f"its key or token does not open it: HTTP {answer.status}, {answer.refusal}")
        else:
            yield ok(SUBJECT, "its key or token opens it")


def _machines(deployment: Resource) -> str:
    count = (deployment.sku or {}).get("capacity") or 1
    return f"{count} {deployment.properties.get('instanceType') or 'machine'}"
