"""One factory as its management interface shows it: pipelines, their runs, what the activities of a run said.

Which runs are ours, and what they are for, is `data_factory`'s.
Source: Data Factory REST API 2018-06-01 (Pipelines - Get, Create Run; Pipeline Runs - Get, Query By Factory, Cancel;
Activity Runs - Query By Pipeline Run).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from retrain.errors import BadConfiguration, RetrainError, Unavailable
from retrain.ports import JobState
from shared.redact import redact
from shared.services import urls
from shared.services.arm import Arm, explained, resource_url
from shared.services.data_factory.pipeline import Pipeline

Json = dict[str, Any]
VERSION = "api-version=2018-06-01"
KIND = "Microsoft.DataFactory/factories"
STATES: Mapping[str, JobState] = {
    "queued": JobState.NOT_STARTED,
    "inprogress": JobState.RUNNING,
    "canceling": JobState.RUNNING,
    "cancelling": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "canceled": JobState.CANCELLED,
}
MARGIN = timedelta(days=1)
"""Added on both sides of the span that runs are asked for: clocks differ, and a run may end late."""
MOST_PAGES = 50
_PIPELINE = re.compile(r"(.*/factories/[^/]+)/pipelines/([^/]+)", re.IGNORECASE)


def places(url: str) -> tuple[str, str]:
    """The factory's address and the pipeline's name, of a pipeline's address. Raises BadConfiguration."""
    match = _PIPELINE.fullmatch(resource_url(url, KIND))
    if match is None:
        raise BadConfiguration(
            f"{urls.plain(url)} is not the address of a pipeline; write https://management.azure.com/subscriptions/S/"
            f"resourceGroups/G/providers/{KIND}/FACTORY/pipelines/NAME"
        )
    return match[1], unquote(match[2])


def state_of(run: Mapping[str, Any]) -> JobState:
    """How far a run is. Raises Unavailable for a word that is none of the service's."""
    said = str(run.get("status") or "")
    if said.lower() not in STATES:
        raise Unavailable(f"a run's status is {said!r}, which is none of Data Factory's; it is asked again later")
    return STATES[said.lower()]


class Factory:
    """Calls to the factory at `url`."""

    def __init__(self, arm: Arm, url: str) -> None:
        self._arm, self.url = arm, url

    def pipeline(self, name: str) -> Pipeline:
        """Its definition. Raises NotFound."""
        url, asked = self._at("pipelines", name), f"read pipeline {name} of {self.url}"
        return Pipeline(self._arm.call("GET", url, asked).json(Json))

    def create_run(self, pipeline: str, parameters: Mapping[str, str]) -> str:
        """Starts it; the run's id. Never asked twice: an answer that was lost leaves a run that can be looked for."""
        url, asked = self._at("pipelines", pipeline, "/createRun"), f"start pipeline {pipeline} of {self.url}"
        answer = self._arm.send("POST", url, asked, dict(parameters), repeat=False)
        if not answer.ok:
            raise explained(answer)
        ident = answer.json(Json).get("runId")
        if not ident:
            raise Unavailable(f"{asked}: accepted, but no run id came back; the run is looked for")
        return str(ident)

    def run(self, ident: str) -> Json:
        """A run as the service shows it. Raises NotFound; the service forgets runs after 45 days."""
        asked = f"look at run {ident} of {self.url}"
        return self._arm.call("GET", self._at("pipelineruns", ident), asked).json(Json)

    def cancel(self, ident: str) -> None:
        """Stops a run and those that it started; one that ended already is left alone."""
        url = self._at("pipelineruns", ident, "/cancel") + "&isRecursive=true"
        answer = self._arm.send("POST", url, f"cancel run {ident} of {self.url}")
        if not answer.ok and (answer.status not in (400, 409) or not state_of(self.run(ident)).ended):
            raise explained(answer)

    def runs(self, pipeline: str, since: datetime) -> Iterator[Json]:
        """Runs of a pipeline that changed after a time, in the service's order."""
        only = {"operand": "PipelineName", "operator": "Equals", "values": [pipeline]}
        url, asked = f"{self.url}/queryPipelineRuns?{VERSION}", f"look for runs of pipeline {pipeline} of {self.url}"
        return self._pages(url, asked, {**_span(since), "filters": [only]})

    def why(self, run: Mapping[str, Any]) -> str:
        """Why a run failed: its own message, and what its failed activities said that is not in it."""
        message = str(run.get("message") or "")
        told = [message] if message else []
        try:
            told += [said for text, said in self._failures(run) if text not in message]
        except RetrainError as error:
            told.append(f"its activities could not be asked: {error}")
        return redact(". ".join(told))[:2000]

    def _failures(self, run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What each failed activity said, and the same with its name and code."""
        began = str(run.get("runStart") or "")
        since = datetime.fromisoformat(began) if began else datetime.now(UTC)
        failed = {"operand": "Status", "operator": "Equals", "values": ["Failed"]}
        url = self._at("pipelineruns", str(run["runId"]), "/queryActivityruns")
        for activity in self._pages(url, f"ask why run {run['runId']} failed", {**_span(since), "filters": [failed]}):
            error = activity.get("error") or {}
            text = str(error.get("message") or "no message")
            yield text, f"activity {activity.get('activityName')}: {error.get('errorCode')}: {text}"

    def _at(self, kind: str, name: str, act: str = "") -> str:
        """Names may hold blanks, and callers name runs: neither may lead anywhere else."""
        return f"{self.url}/{kind}/{quote(name, safe='')}{act}?{VERSION}"

    def _pages(self, url: str, asked: str, body: Json) -> Iterator[Json]:
        for _ in range(MOST_PAGES):
            found = self._arm.call("POST", url, asked, body).json(Json)
            yield from found.get("value") or []
            token = found.get("continuationToken")
            if not token:
                return
            body = {**body, "continuationToken": token}
        raise Unavailable(f"{asked}: more than {MOST_PAGES} pages; it is asked again later")


def _span(since: datetime) -> Json:
    return {"lastUpdatedAfter": since - MARGIN, "lastUpdatedBefore": datetime.now(UTC) + MARGIN}
