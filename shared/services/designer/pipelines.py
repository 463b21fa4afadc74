"""Runs of published pipelines of Azure ML (designer): submitted, found by tags, looked at, cancelled.

What their steps left is in `results`; the two ports are `pipeline_endpoint` and `model_pointer`.
Sources: azureml-pipeline-core, `_restclients/aeva`; azureml-core, `_restclient/run_history`. Run history calls success
Completed, the pipelines service calls it Finished and writes states as numbers at times; both are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from retrain.errors import BadConfiguration, BadRequest, NotFound, PermanentError
from retrain.ports import JobState, JobStatus
from shared.redact import redact
from shared.services.answers import Answer
from shared.services.arm import Arm, explained
from shared.services.credentials import Token
from shared.services.designer.addresses import Pipeline, Places, read
from shared.services.designer.shown import show
from shared.services.http import Http

PAGE = 100
MOST_PAGES = 20
"""Of a listing; whoever has more runs under one filter needs a narrower one."""

NUMBERED = ("notstarted", "running", "failed", "finished", "canceled")
STATES: Mapping[str, JobState] = {
    "notstarted": JobState.NOT_STARTED,
    "completed": JobState.SUCCEEDED,
    "finished": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "canceled": JobState.CANCELLED,
    "cancelled": JobState.CANCELLED,
}
"""States of both services; any other (Queued, Preparing, Finalizing, …) is on its way to one of these."""

T = TypeVar("T")


class HistoryRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A run, or a step of one, as run history shows it."""

    run_id: str = ""
    status: str | None = None
    created_utc: datetime | None = None
    name: str | None = None
    display_name: str | None = None
    tags: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    error: dict[str, Any] | None = None

    @property
    def state(self) -> JobState:
        """How far it is."""
        return state_of(self.status)

    def has(self, tags: Mapping[str, str]) -> bool:
        """Whether it carries all these tags."""
        return all((self.tags or {}).get(name) == value for name, value in tags.items())


class _Page(msgspec.Struct, rename="camel"):
    value: list[HistoryRun] = []
    continuation_token: str | None = None


class _Status(msgspec.Struct, rename="pascal"):
    status_code: int | str | None = None
    status_detail: str | None = None


class _PipelineRun(msgspec.Struct, rename="pascal"):
    id: str
    status: _Status | None = None


class Pipelines:
    """Calls to the pipelines and run history services of one workspace, with the app's own identity."""

    def __init__(self, arm: Arm, find: Callable[[], Places]) -> None:
        self.arm = arm
        self._find = find

    @property
    def places(self) -> Places:
        """Where the workspace's services are. Raises what asking Resource Manager for them raises."""
        return self._find()

    def submit(self, pipeline: Pipeline, body: Mapping[str, object]) -> str:
        """Runs a pipeline; the id of the run. Nothing is asked twice: each question would start a run.

        Raises:
            BadConfiguration: the service does not take it; names the parameters that the pipeline has.
        """
        asked = f"submit pipeline {pipeline.ident}" + (f", version {pipeline.version}" if pipeline.version else "")
        url = f"{self.places.pipelines}/{pipeline.submit}"
        answer = self.arm.send("POST", url, asked, body, repeat=False)
        if answer.ok:
            return answer.json(_PipelineRun).id
        error = explained(answer)
        if type(error) is BadRequest:
            raise BadConfiguration(f"{error} {show(self.arm, self.places, pipeline).summary}")
        raise error

    def tagged(self, experiment: str, tags: Mapping[str, str], by: str) -> list[HistoryRun]:
        """Runs of an experiment that carry all these tags, oldest first. The service is asked by the tag `by`.

        Its filters are documented by a single example, so tags are compared here, and when the filter finds nothing or
        is refused, the newest runs are looked through.
        """
        try:
            found = list(self._query(experiment, f"Tags/{by} eq {tags[by]}"))
        except BadRequest:
            found = []
        runs = [run for run in found if run.has(tags)]
        runs = runs or [run for run in islice(self._query(experiment, None), PAGE) if run.has(tags)]
        return sorted(runs, key=lambda run: (run.created_utc or datetime.max.replace(tzinfo=UTC), run.run_id))

    def run(self, run: str) -> HistoryRun:
        """A run as history shows it. Raises NotFound."""
        url = f"{self.places.history}/runs/{quote(run, safe='')}/details"
        return msgspec.structs.replace(self.arm.call("GET", url, f"look at run {run}").json(HistoryRun), run_id=run)

    def look(self, experiment: str, run: str) -> JobStatus:
        """How far a run is, by run history; by the pipelines service where history does not know it (yet)."""
        try:
            found = self.run(run)
        except NotFound:
            return self._by_pipelines(run)
        if found.state is JobState.FAILED:
            return JobStatus(state=found.state, details=self._reasons(experiment, found) or "it gave no reason")
        return JobStatus(state=found.state)

    def cancel(self, run: str) -> None:
        """Stops a run; one that ended is left alone. Raises NotFound."""
        url = f"{self.places.pipelines}/PipelineRuns/{quote(run, safe='')}/Execution"
        try:
            self.arm.call("DELETE", url, f"cancel run {run}")
        except NotFound:
            raise
        except PermanentError:
            if not self.run(run).state.ended:
                raise

    def steps(self, experiment: str, run: str) -> list[HistoryRun]:
        """The steps of a run, in no order."""
        url = f"{self.places.history}/experiments/{quote(experiment, safe='')}/runs/{quote(run, safe='')}/children"
        return list(self.pages(lambda token: self.arm.call("GET", url + _continued(token), f"list steps of run {run}")))

    def pages(self, ask: Callable[[str | None], Answer]) -> Iterator[HistoryRun]:
        """All runs of a listing, page by page."""
        for answer in continued(ask):
            yield from answer.json(_Page).value

    def _query(self, experiment: str, filter_: str | None) -> Iterator[HistoryRun]:
        url = f"{self.places.history}/experiments/{quote(experiment, safe='')}/runs:query"
        body = {"filter": filter_, "orderby": None, "top": PAGE}
        asked = f"list runs of experiment {experiment}" + (f" with {filter_}" if filter_ else "")
        try:
            yield from self.pages(lambda token: self.arm.call("POST", url, asked, {**body, "continuationToken": token}))
        except NotFound:
            return  # an experiment comes into being with its first run

    def _by_pipelines(self, run: str) -> JobStatus:
        url = f"{self.places.pipelines}/PipelineRuns/{quote(run, safe='')}"
        status = self.arm.call("GET", url, f"look at run {run}").json(_PipelineRun).status or _Status()
        return JobStatus(state=state_of(status.status_code), details=redact(status.status_detail or "")[:900])

    def reasons(self, experiment: str, run: str) -> str:
        """Why a run failed, by run history; empty when it does not say."""
        return self._reasons(experiment, self.run(run))

    def _reasons(self, experiment: str, run: HistoryRun) -> str:
        """What history says of a run that failed, and of those of its steps that did."""
        failed = [step for step in self.steps(experiment, run.run_id) if step.state is JobState.FAILED]
        said = [reason_of(run), *(f"step {name_of(step)}: {reason_of(step) or 'no reason given'}" for step in failed)]
        return redact("; ".join(filter(None, said)))[:900]


def reached_by(url: str, version: str, http: Http, token: Token) -> tuple[Pipelines, Pipeline]:
    """The services beside a submit address, and the pipeline that it names, with this version if one is given."""
    where, pipeline = read(url)
    http.allow(where.history)
    return Pipelines(Arm(http, token), lambda: where), replace(pipeline, version=version or pipeline.version)


def continued(ask: Callable[[str | None], Answer]) -> Iterator[Answer]:
    """The pages of a listing that names a continuation token."""
    token: str | None = None
    for _ in range(MOST_PAGES):
        answer = ask(token)
        yield answer
        token = answer.json(dict[str, Any]).get("continuationToken")
        if not token:
            return


def _continued(token: str | None) -> str:
    return f"?$continuationToken={quote(token, safe='')}" if token else ""


def state_of(status: int | str | None) -> JobState:
    """A state by its name at either service, or by its number at the pipelines service; none is not started."""
    text = str(status if status is not None else "notstarted").strip().lower()
    if text.isdecimal():
        text = NUMBERED[int(text)] if int(text) < len(NUMBERED) else "unknown"
    return STATES.get(text, JobState.RUNNING)


def name_of(step: HistoryRun) -> str:
    """What a step is called on the canvas."""
    return step.display_name or step.name or step.run_id


def reason_of(run: HistoryRun) -> str:
    """What history says of a failure: code and message, however deep they are wrapped."""
    error: Any = run.error or {}
    while isinstance(error.get("error"), dict):
        error = error["error"]
    return ": ".join(str(error[part]) for part in ("code", "message") if error.get(part))
