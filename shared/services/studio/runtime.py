"""Scoring at endpoints of Studio web services, classic and "new" alike: row by row, and by batch execution.

Where a slot answers and with which key is known to the two ports, `classic` and `studio_service.endpoint`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec

from retrain.errors import BadConfiguration, BadRequest
from retrain.model import Section
from retrain.ports import JobStatus, Rows, Slot
from shared.services.studio.blobs import JOB_LIFETIME, Sign
from shared.services.studio.jobs import Jobs
from shared.services.studio.scores import QUERY, Form, request, scores, scores_in_csv
from shared.services.studio.web_services import COMMON, VERSION, Advice, Studio

_ROWS = "Compare the columns with the service's input schema (its REQUEST/RESPONSE help page)."
SCORING: Advice = {
    **COMMON,
    "InputMismatchError": (BadRequest, _ROWS),
    "InputParseError": (BadRequest, _ROWS),
    "InvalidInputNames": (BadConfiguration, "Correct `input` in the configuration; case matters."),
    "MissingRequestInput": (BadConfiguration, "Correct `input` in the configuration; case matters."),
    "MissingRequiredGlobalParameters": (BadConfiguration, "Give them in `parameters` of the endpoint's configuration."),
    "UnexpectedParameter": (BadConfiguration, "Take it out of `parameters` of the endpoint's configuration."),
    "MemoryQuotaViolation": (BadRequest, "The model needs more memory than the service gives it; train a smaller one."),
}


class ScoringSettings(Section, frozen=True):
    """What both kinds of endpoint have in their tables.

    `score_column` defaults to "Scored Probabilities", and to "Scored Labels" where there is none. `settle` is in
    seconds: how long a change may take to show. `rows_per_call` is at most 1000.
    """

    input: str = "input1"
    output: str = "output1"
    score_column: str | None = None
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    settle: float = 60.0
    rows_per_call: int = 1000
    rrs_form: Form = "table"

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found = []
        if not 1 <= self.rows_per_call <= 1000:
            found.append(f"rows_per_call = {self.rows_per_call} must be between 1 and 1000")
        if not 0 <= self.settle <= 3600:
            found.append(f"settle = {self.settle} must be between 0 and 3600 seconds")
        return found


class StudioScoring(ABC):
    """The scoring half of the port `Endpoint`."""

    def __init__(self, settings: ScoringSettings, sign: Sign) -> None:
        self._scoring = settings
        self._sign = sign
        self.chunk = settings.rows_per_call

    @abstractmethod
    def _studio(self, slot: Slot) -> Studio:
        """Calls with the slot's key. Raises BadConfiguration: not our slot."""

    @abstractmethod
    def _runtime(self, slot: Slot) -> str:
        """Where the slot answers."""

    def settle(self) -> timedelta:
        """How long a change may take to show."""
        return timedelta(seconds=self._scoring.settle)

    def score(self, slot: Slot, rows: Rows) -> list[float]:
        """Predictions by request-response, at most `chunk` rows in one call."""
        url = f"{self._runtime(slot)}/execute?{VERSION}&{QUERY[self._scoring.rrs_form]}"
        found: list[float] = []
        for start in range(0, len(rows.values), self.chunk):
            part = Rows(columns=rows.columns, values=rows.values[start : start + self.chunk])
            found += self._score(slot, url, part)
        return found

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Starts the endpoint's own batch execution."""
        settings, jobs = self._scoring, self._jobs(slot)
        job = jobs.submit(
            {settings.input: self._sign(rows, "r", JOB_LIFETIME)},
            {settings.output: self._sign(scores, "cw", JOB_LIFETIME)},
            settings.parameters,
        )
        jobs.start(job)
        return job

    def scored_file(self, slot: Slot, job: str) -> JobStatus:
        """How far it is."""
        return self._jobs(slot).look(job).status

    def scores_in(self, lines: Iterable[bytes]) -> list[float]:
        """The predictions in a CSV that batch execution wrote."""
        return scores_in_csv(lines, self._scoring.score_column)

    def _score(self, slot: Slot, url: str, rows: Rows) -> list[float]:
        settings = self._scoring
        body = request(settings.rrs_form, settings.input, rows, settings.parameters)
        answer = self._studio(slot).call("POST", url, f"score {len(rows.values)} rows at {slot.url}", body, SCORING)
        found = scores(settings.rrs_form, answer.json(dict[str, Any]), settings.output, settings.score_column)
        if len(found) != len(rows.values):
            raise BadRequest(
                f"{answer.asked}: {len(found)} scores came back. The scoring experiment drops or adds rows (often "
                "Clean Missing Data with `remove entire row`); change that, or keep such rows out of the data."
            )
        return found

    def _jobs(self, slot: Slot) -> Jobs:
        return Jobs(self._studio(slot), self._runtime(slot))
