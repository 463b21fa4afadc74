"""Scoring by a job: rows of a file by a model of the registry, without any deployment.

A scoring pipeline component runs on the workspace's compute, so a candidate is judged before anything is deployed.
"""

from __future__ import annotations

from itertools import count
from typing import Self

import msgspec

from retrain.ports import ENDED_BADLY, Blobs, JobStatus
from shared.services.azureml.assets import short_name
from shared.services.azureml.jobs import Jobs
from shared.services.azureml.work import Kind, Work, read_from, written_to
from shared.services.azureml.workspace import Workspace


class ScoringWork(msgspec.Struct, frozen=True, kw_only=True):
    """The component that scores, and names of its inputs and its output."""

    component: str
    data_input: str = "data"
    model_input: str = "model"
    scores_output: str = "scores"
    model_as: Kind = "custom_model"
    compute: str = ""
    experiment: str = "retrain-scoring"

    @classmethod
    def of(cls, settings: msgspec.Struct) -> Self:
        """As the settings of an endpoint say, which have members of these names."""
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})


class ScoringJobs:
    """Jobs that score files."""

    def __init__(self, workspace: Workspace, work: ScoringWork, blobs: Blobs) -> None:
        self._workspace, self._work, self._blobs = workspace, work, blobs
        self._jobs = Jobs(workspace)

    def score(self, model: str, rows: str, scores: str) -> str:
        """Starts scoring the CSV blob `rows` with a model (its id) into the blob `scores`; the job's name.

        Asked again it is the same job, unless that ended badly.
        """
        name = self._free_name(model, rows, scores)
        if self._jobs.find(name) is None:
            self._blobs.delete(scores)  # an output is not written over another one
            self._jobs.put(name, self._body(model, rows, scores))
        return name

    def look(self, job: str) -> JobStatus:
        """How far it is."""
        return self._jobs.look(job)

    def _free_name(self, model: str, rows: str, scores: str) -> str:
        stem = short_name(f"score-{model.rpartition('/models/')[2].partition('/')[0]}", model, rows, scores)
        for attempt in count(1):
            found = self._jobs.find(name := f"{stem}-{attempt}")
            if found is None or found.state not in ENDED_BADLY:
                return name
        raise AssertionError("count has no end")

    def _body(self, model: str, rows: str, scores: str) -> dict[str, object]:
        work, stores = self._work, self._workspace.stores
        return {
            **Work(component=work.component, compute=work.compute).body(self._workspace),
            "displayName": f"scores of {model.rpartition('/models/')[2].replace('/versions/', ':')}",
            "experimentName": work.experiment,
            "tags": {"retrainModel": model},
            "inputs": {
                work.data_input: read_from("uri_file", stores.uri(rows)),
                work.model_input: read_from(work.model_as, model),
            },
            "outputs": {work.scores_output: written_to("uri_file", stores.uri(scores))},
        }
