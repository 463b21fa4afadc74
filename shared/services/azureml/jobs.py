"""Jobs of Azure ML: put under our own name, found, looked at, cancelled, and what they left.

What a job runs is said by `work`. Source: machinelearningservices stable/2025-12-01, Jobs; JobStatus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.errors import NotFound, PermanentError, RetrainError
from retrain.ports import ENDED_BADLY, JobState, JobStatus
from shared.services.azureml.workspace import Workspace

Json = dict[str, Any]
ENDS: Mapping[str, JobState] = {
    "notstarted": JobState.NOT_STARTED,
    "completed": JobState.SUCCEEDED,
    "succeeded": JobState.SUCCEEDED,
    "finished": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "canceled": JobState.CANCELLED,
    "cancelled": JobState.CANCELLED,
}
"""Any other state is on its way to one of these; so are NotResponding, which a job can leave again, and Paused."""


class Output(msgspec.Struct, frozen=True):
    """Where an output of a job is, if the service says."""

    uri: str | None = None


class _Service(msgspec.Struct, frozen=True):
    endpoint: str | None = None


class JobProperties(msgspec.Struct, frozen=True, rename="camel"):
    """What a job's resource tells; members that are not named here are ignored."""

    status: str | None = None
    experiment_name: str | None = None
    tags: dict[str, Any] | None = None
    outputs: dict[str, Output | None] | None = None
    services: dict[str, _Service | None] | None = None


class _SystemData(msgspec.Struct, frozen=True, rename="camel"):
    created_at: str | None = None


class MlJob(msgspec.Struct, frozen=True, rename="camel"):
    """A job as Resource Manager shows it."""

    name: str
    properties: JobProperties
    system_data: _SystemData | None = None

    @property
    def created(self) -> str:
        """When it was made, in ISO 8601; after all others when the service does not say."""
        return (self.system_data.created_at if self.system_data else None) or "9"

    @property
    def state(self) -> JobState:
        """How far it is."""
        return ENDS.get((self.properties.status or "notstarted").lower(), JobState.RUNNING)

    @property
    def experiment(self) -> str:
        """Under which it is listed."""
        return self.properties.experiment_name or "Default"

    @property
    def page(self) -> str:
        """Its page in the studio, if the service names one."""
        studio = (self.properties.services or {}).get("Studio")
        return (studio.endpoint if studio else None) or ""

    def has(self, tags: Mapping[str, str]) -> bool:
        """Whether it carries all these tags."""
        return all((self.properties.tags or {}).get(name) == value for name, value in tags.items())

    def output(self, name: str) -> str:
        """Where an output is; empty when the service does not say."""
        found = (self.properties.outputs or {}).get(name)
        return (found.uri if found else None) or ""


class Jobs:
    """The jobs of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def show(self, name: str) -> MlJob:
        """A job. Raises NotFound."""
        return self._workspace.call("GET", _tail(name), f"look at job {name}").json(MlJob)

    def find(self, name: str) -> MlJob | None:
        """A job, or None."""
        try:
            return self.show(name)
        except NotFound:
            return None

    def put(self, name: str, properties: Json) -> MlJob:
        """Starts a job under this name. Repeating it is harmless: a PUT of a job that is there only edits it."""
        return self._workspace.call("PUT", _tail(name), f"start job {name}", {"properties": properties}).json(MlJob)

    def look(self, name: str) -> JobStatus:
        """How far it is, with what it said when it failed."""
        found = self.show(name)
        details = self._reasons(found) if found.state in ENDED_BADLY else ""
        return JobStatus(state=found.state, details=details)

    def cancel(self, name: str) -> None:
        """Stops a job; one that ended is left alone. Raises NotFound."""
        try:
            self._workspace.call("POST", f"jobs/{quote(name, safe='')}/cancel", f"cancel job {name}")
        except NotFound:
            raise
        except PermanentError:
            if not self.show(name).state.ended:
                raise

    def tagged(self, tags: Mapping[str, str], by: str) -> list[MlJob]:
        """Jobs that carry all these tags, the oldest first; the service is asked by the tag `by`.

        How its filter is spelled is not published, so tags are compared here, and when it finds none, or is refused,
        all that is listed is looked through.
        """
        listed = f"list jobs with the tag {by}"
        for tail in (f"jobs?tag={quote(f'{by}={tags[by]}', safe='')}", "jobs"):
            try:
                found = [msgspec.convert(one, MlJob) for one in self._workspace.pages(tail, listed)]
            except PermanentError:
                if tail == "jobs":
                    raise
                continue
            if mine := [job for job in found if job.has(tags)]:
                return sorted(mine, key=lambda job: job.created)
        return []

    def _reasons(self, job: MlJob) -> str:
        """What run history says of a job that failed, and of its steps."""
        try:
            said = self._workspace.history.reasons(job.experiment, job.name)
        except RetrainError:
            said = ""
        return said or f"look at it in the studio{f': {job.page}' if job.page else ''}"


def _tail(name: str) -> str:
    return f"jobs/{quote(name, safe='')}"
