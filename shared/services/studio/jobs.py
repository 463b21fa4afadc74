"""Batch execution (BES) of a Studio web service: submit, start, look, cancel. Training and scoring in bulk both use it.

The wire: POST {base}/jobs registers, POST …/start starts, GET looks, DELETE cancels, all with api-version 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.decoding import prepared
from retrain.errors import BadConfiguration, RetrainError, Unavailable
from retrain.ports import JobState, JobStatus
from shared.redact import redact
from shared.services.studio.blobs import BlobReference
from shared.services.studio.names import Names, names_in
from shared.services.studio.web_services import COMMON, VERSION, Advice, Studio, explained, is_refusal

STATES: dict[object, JobState] = {
    0: JobState.NOT_STARTED,
    1: JobState.RUNNING,
    2: JobState.FAILED,
    3: JobState.CANCELLED,
    4: JobState.SUCCEEDED,
    "notstarted": JobState.NOT_STARTED,
    "running": JobState.RUNNING,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "canceled": JobState.CANCELLED,
    "finished": JobState.SUCCEEDED,
}
"""Both encodings were on the wire, and both spellings in Microsoft's own clients."""

_ID = re.compile(rb'"?([\w-]{1,100})"?')
_NAMES = "The names in the configuration do not fit the service; it has"
_UNFIT = (
    "InvalidOutputOverrideName",
    "MissingRequiredOutputOverrides",
    "MissingOutputOverrideSpecification",
    "InvalidInputNames",
    "BatchJobInputsNotSpecified",
    "BatchJobInputsTooManySpecified",
    "MissingRequiredGlobalParameters",
    "UnexpectedParameter",
)


class Order(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """`BatchExecutionRequest`."""

    inputs: dict[str, BlobReference] = {}
    outputs: dict[str, BlobReference] = {}
    global_parameters: dict[str, str]


class Look(msgspec.Struct, frozen=True):
    """One look at a job: its status, and where each output went once it succeeded."""

    status: JobStatus
    outputs: dict[str, BlobReference] = {}


class Jobs:
    """The jobs of one endpoint."""

    def __init__(self, studio: Studio, base: str) -> None:
        self._studio = studio
        self._base = base

    def submit(self, inputs: Mapping[str, str], outputs: Mapping[str, str], parameters: Mapping[str, str]) -> str:
        """Registers a job over signed blob addresses by name of input and output; its id. Nothing runs before `start`.

        Raises:
            BadConfiguration: a name or parameter the service does not have; those it has are in the message.
        """
        order = Order(
            inputs={name: BlobReference.of(url) for name, url in inputs.items()},
            outputs={name: BlobReference.of(url) for name, url in outputs.items()},
            global_parameters=dict(parameters),
        )
        asked = f"submit a job to {self._base}"
        answer = self._studio.send("POST", f"{self._base}/jobs?{VERSION}", asked, order)
        if answer.ok:
            return _job_id(answer.body, asked)
        raise explained(answer, self._advice() if is_refusal(answer.refusal, *_UNFIT) else COMMON)

    def start(self, job: str) -> None:
        """Starts it; one that runs or ended already is left alone."""
        asked = f"start job {job} of {self._base}"
        answer = self._studio.send("POST", f"{self._at(job)}/start?{VERSION}", asked)
        if answer.ok:
            return
        if not is_refusal(answer.refusal, "CannotStartJob"):
            raise explained(answer, COMMON)
        self.look(job)  # it was started before; in the service's own queue it still says NotStarted

    def look(self, job: str) -> Look:
        """The job now; every look brings fresh signatures of its outputs. Raises NotFound."""
        asked = f"look at job {job} of {self._base}"
        answer = self._studio.call("GET", f"{self._at(job)}?{VERSION}", asked)
        found = answer.json(dict[str, Any])
        code = found.get("StatusCode", found.get("Status Code"))  # the second is in a published sample
        state = STATES.get(code.lower() if isinstance(code, str) else code)
        if state is None:
            raise Unavailable(f"{asked}: status {code!r} is not one of the service's; it is asked again later")
        outputs = found.get("Results") or {}
        return Look(
            JobStatus(state=state, details=redact(str(found.get("Details") or ""))[:2000]),
            {name: _reference(value) for name, value in outputs.items()},
        )

    def cancel(self, job: str) -> None:
        """Stops it; one that ended already is left alone."""
        answer = self._studio.send("DELETE", f"{self._at(job)}?{VERSION}", f"cancel job {job} of {self._base}")
        if answer.ok:
            return
        if answer.status != 400 or self.look(job).status.state in (JobState.NOT_STARTED, JobState.RUNNING):
            raise explained(answer, COMMON)

    def names(self) -> Names:
        """The names this service has. Raises NotFound or Unavailable when it does not tell."""
        answer = self._studio.call("GET", f"{self._base}/swagger.json", f"read the Swagger document of {self._base}")
        return names_in(answer.json(dict[str, Any]))

    def _advice(self) -> Advice:
        try:
            there = str(self.names())
        except RetrainError:
            there = "names shown on its BATCH EXECUTION help page"
        return dict.fromkeys(_UNFIT, (BadConfiguration, f"{_NAMES} {there}."))

    def _at(self, job: str) -> str:
        return f"{self._base}/jobs/{quote(job, safe='')}"


def _job_id(body: bytes, asked: str) -> str:
    """The id out of a bare JSON string, without its quotes."""
    match = _ID.fullmatch(body.strip())
    if match is None or match[1] == b"null":
        raise Unavailable(f"{asked}: accepted, but no job id came back; it is submitted again later")
    return match[1].decode()


def _reference(value: Any) -> BlobReference:
    prepared(BlobReference)
    return msgspec.convert(value or {}, BlobReference)
