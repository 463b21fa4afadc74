"""What a doctor asks any Studio (classic) web service where it answers: its names, and whether a key opens it.

Only GETs, and nothing is started. What the answers mean for training and for serving is in `batch_examine` and
`classic_examine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from retrain.findings import fail, misnamed, ok, warn
from retrain.ports import Diagnosis
from shared.services.studio.web_services import COMMON, VERSION, Studio, explained, is_refusal

NOBODYS_JOB = "0" * 32
UNTOLD = "its Swagger document tells no names of outputs; compare the configured names with its help page"
WRONG_PLACE = ("WorkspaceNotFound", "WebServiceNotFound", "WebServiceIdNotFoundInWorkspace", "WebServiceIdInvalid")
"""Refusals that speak of the address, not of the job."""


def key_opens(studio: Studio, base: str, subject: str, setting: str) -> Iterator[Diagnosis]:
    """Whether the key opens the service at `base`.

    No call of the protocol is made for that. Looking at a job that nobody submitted serves: the key is looked at before
    the job, so that a wrong one is answered with 401, and a right one with a complaint about the job (400 or 404).
    """
    answer = studio.send("GET", f"{base}/jobs/{NOBODYS_JOB}?{VERSION}", f"try {setting} at {base}")
    refused = answer.status in (401, 403) or answer.status >= 500 or is_refusal(answer.refusal, *WRONG_PLACE)
    if refused or 300 <= answer.status < 400 or answer.status == 429:
        raise explained(answer, COMMON)
    yield ok(subject, f"{setting} opens {base}")


def parameters_fit(
    subject: str, given: Mapping[str, str], there: tuple[str, ...], required: tuple[str, ...]
) -> Iterator[Diagnosis]:
    """Whether the service takes the parameters that are configured, and those it requires are among them."""
    yield from (fail(subject, misnamed("parameters", name, there)) for name in given if name not in there)
    if missing := [name for name in required if name not in given]:
        listed = ", ".join(map(repr, missing))
        yield warn(subject, f"the service requires the parameters {listed}; give them in `parameters`")
