"""Deployments of a batch endpoint, each with a model fixed in it, and the endpoint's default moved from one to another.

Sources: how-to-use-batch-pipeline-deployments.md; azureml-examples, cli/batch-score-rest.sh.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from retrain.errors import BadConfiguration, Conflict, NotYet
from retrain.ports import JobState, JobStatus
from shared.services.azureml.assets import name_and_version
from shared.services.azureml.batch import BatchEndpoint
from shared.services.azureml.components import Components
from shared.services.azureml.evaluation import ScoringWork
from shared.services.azureml.workspace import Workspace

log = logging.getLogger(__name__)
PREFIX = "retrain-"
"""Begins the names of deployments of ours."""
KEPT = 5
"""So many deployments that were the default stay, so that going back takes no time; an endpoint has room for 20."""
DONE, BAD = "succeeded", ("failed", "canceled")


class Deployments:
    """Those of one endpoint that run copies of the scoring component of `work`. `stay` are names that are not ours to
    delete."""

    def __init__(self, workspace: Workspace, endpoint: BatchEndpoint, work: ScoringWork, stay: Sequence[str]) -> None:
        self._workspace, self._endpoint, self._work = workspace, endpoint, work
        self._stay = {name.lower() for name in stay}
        self._components = Components(workspace)

    def model_of(self, deployment: str) -> str:
        """The id of the model that is fixed in a deployment's component.

        Raises:
            BadConfiguration: none is.
        """
        configured = self._endpoint.deployment(deployment)["properties"].get("deploymentConfiguration") or {}
        component = (configured.get("componentId") or {}).get("assetId") or ""
        if not component:
            raise BadConfiguration(f"deployment {deployment} of {self._endpoint.name} is none of a pipeline component")
        places = self._components.show(self._work.component).places(self._work.model_input)
        found = self._components.show(component).model_at(places)
        if not found:
            step, name = places[0]
            raise BadConfiguration(
                f"deployment {deployment} of {self._endpoint.name} has no model fixed for input {name!r} of step "
                f"{step!r}, as {self._work.component} would have it; Retrain cannot tell which model is live"
            )
        return self._workspace.asset("models", found)

    def deploy(self, name: str, model: str) -> dict[str, object]:
        """Asks for a deployment with a model (its id) fixed in it, unless it is there; what was asked for.

        Raises:
            NotYet: another change of it goes on. BadConfiguration: the component cannot take a model.
        """
        component = self._baked(model)
        try:
            self._deploy(name, component, model)
        except Conflict as error:
            raise NotYet(f"{error} It is asked again later.") from error
        return {"deployment": name, "component": component, "model": model}

    def look(self, name: str) -> JobStatus:
        """How far a deployment is."""
        state = _state(self._endpoint.deployment(name))
        if state in BAD:
            why = f"deployment {name} of {self._endpoint.name} is {state}; look at it in the studio"
            return JobStatus(state=JobState.FAILED, details=why)
        return JobStatus(state=JobState.SUCCEEDED if state == DONE else JobState.RUNNING)

    def make_default(self, name: str) -> JobStatus:
        """Makes a deployment that is there the default one, and tells how far that is. To be asked again until it is
        done: then old deployments of ours are deleted."""
        shown = self._endpoint.show()
        if (shown["properties"].get("defaults") or {}).get("deploymentName") != name:
            try:
                self._endpoint.make_default(name)
            except Conflict:
                log.info("batch endpoint %s is being changed by somebody else; asked again", self._endpoint.name)
            return JobStatus(state=JobState.RUNNING)
        if _state(shown) not in (DONE, ""):
            return JobStatus(state=JobState.RUNNING)
        self._prune(name)
        return JobStatus(state=JobState.SUCCEEDED)

    def _baked(self, model: str) -> str:
        """The id of the scoring component with this model fixed in it."""
        work = self._work
        template = self._components.show(work.component)
        spec = template.with_model(work.model_input, work.model_as, model)
        name, version = name_and_version(work.component)
        model_name, model_version = name_and_version(model)
        return self._components.ensure(f"{name}-{model_name}", f"{version}-{model_version}", spec)

    def _deploy(self, name: str, component: str, model: str) -> None:
        """Asks for the deployment, unless it is there and as wanted."""
        found = self._endpoint.find_deployment(name)
        if found is not None and _state(found) not in BAD and _component_in(found) == component.lower():
            return
        settings: dict[str, Any] = {"continue_on_step_failure": "false"}
        if self._work.compute:
            settings["default_compute"] = self._workspace.compute(self._work.compute)
        configuration = {
            "deploymentConfigurationType": "PipelineComponent",
            "componentId": {"referenceType": "Id", "assetId": component},
            "settings": settings,
        }
        body = {
            "location": self._endpoint.show().get("location"),
            "tags": {"madeBy": "Retrain", "retrainModel": model},
            "properties": {"deploymentConfiguration": configuration},
        }
        self._endpoint.deploy(name, body)

    def _prune(self, default: str) -> None:
        """Deletes the oldest deployments of ours beyond those that are kept."""
        stay = {default, *self._stay}
        found = (one for one in self._endpoint.deployments() if one["name"].startswith(PREFIX))
        ours = [one for one in found if one["name"].lower() not in stay]
        ours.sort(key=lambda one: str((one.get("systemData") or {}).get("createdAt") or ""))
        for extra in ours[: max(len(ours) - KEPT, 0)]:
            self._endpoint.remove(extra["name"])


def _state(shown: Mapping[str, Any]) -> str:
    return str((shown.get("properties") or {}).get("provisioningState") or "").lower()


def _component_in(shown: Mapping[str, Any]) -> str:
    configured = shown["properties"].get("deploymentConfiguration") or {}
    return str((configured.get("componentId") or {}).get("assetId") or "").lower()
