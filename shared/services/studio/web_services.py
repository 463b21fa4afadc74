"""What training and serving with Azure ML Studio (classic) share: addresses, calls, and what its errors mean.

Blob references are in `blobs`, batch execution in `jobs`, endpoint management in `management`; the two ports are
`batch` and `classic`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from retrain.errors import AccessDenied, BadConfiguration, BadRequest, NotFound, PermanentError, RetrainError
from shared.redact import redact
from shared.services.answers import Answer, Refusal
from shared.services.credentials import Secret
from shared.services.http import Http
from shared.services.studio.blobs import BlobReference as BlobReference  # callers of `Studio` speak in these
from shared.services.urls import origin, plain

VERSION = "api-version=2.0"

_RUNTIME = re.compile(
    r"(/(?:workspaces|subscriptions)/[^/]+/services/[^/]+)(?:/(?:jobs|execute|score|swagger\.json))?/?"
)
_MANAGEMENT = re.compile(r"/workspaces/[^/]+/webservices/[^/]+/endpoints/[^/]+/?")


def runtime_base(url: str) -> str:
    """The address that `/jobs` and `/execute` are appended to; what a help page prints after it is taken off.

    Raises:
        BadConfiguration: says which other address this one is.
    """
    parts = urlsplit(url.strip())
    match = _RUNTIME.fullmatch(parts.path)
    if match is None:
        raise BadConfiguration(f"{plain(url)} {_not_runtime(parts.path)}")
    return f"{parts.scheme}://{parts.netloc}{match[1]}"


def _not_runtime(path: str) -> str:
    wanted = "copy the Request URI of the BATCH EXECUTION help page: https://…/workspaces/W/services/E/jobs"
    if "/apihelp/" in path:
        return f"is a help page, not a service; {wanted}"
    if "/webservices/" in path:
        return f"is a management (PATCH) address; {wanted}"
    return f"is not the address of a web service; {wanted}"


def management_url(url: str) -> str:
    """The address of an endpoint's management, without what a help page may print after it.

    Raises:
        BadConfiguration: says which other address this one is.
    """
    parts = urlsplit(url.strip())
    if not _MANAGEMENT.fullmatch(parts.path) or "/apihelp/" in parts.path:
        raise BadConfiguration(f"{plain(url)} {_not_management(parts.path)}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _not_management(path: str) -> str:
    wanted = "copy the PATCH URL of the UPDATE RESOURCE help page: https://…/workspaces/W/webservices/S/endpoints/NAME"
    if "/apihelp/" in path:
        return f"is a help page, not a service; {wanted}"
    if "/services/" in path:
        return f"is a runtime address (where one scores); {wanted}"
    if path.rstrip("/").endswith("/endpoints") or "/webservices/" in path:
        return f"names a web service but no endpoint; {wanted}"
    return f"is not the address of an endpoint; {wanted}"


def address_problem(rule: Callable[[str], str], name: str, url: str) -> str | None:
    """What is wrong with the address in the setting `name`; `rule` is `runtime_base` or `management_url`."""
    try:
        origin(url)
        rule(url)
    except BadConfiguration as error:
        return f"{name}: {error}"
    return None


Advice = Mapping[str, tuple[type[PermanentError] | None, str]]
"""What to do next by detail code, outer code or status; with a class when the status alone would sort it wrongly."""

_SAS = (
    "The service could not read that blob: its SAS expired or does not cover it, or the blob is gone. A fresh SAS "
    "is made for each request, so check that the blob exists and that this machine's clock is right."
)
_KEY = (
    "This key does not open this endpoint. Each endpoint has keys of its own (Studio: Web Services, the endpoint, API "
    "key); training service, production and staging need three different ones."
)
_WHERE = (
    "Check the address: workspaces outside South Central US have their own hosts (for example "
    "europewest.management.azureml.net, asiasoutheast.services.azureml.net), and in runtime addresses the id after "
    "services/ is the endpoint's, not the web service's."
)
_MODEL = "The blob is not a trained model of this service; check which output of the training service is the .ilearner."

COMMON: Advice = {
    "401": (None, _KEY),
    "403": (None, _KEY),
    "404": (None, _WHERE),
    "WorkspaceNotFound": (None, f"That workspace is unknown at this host. {_WHERE}"),
    "BlobNotFound": (AccessDenied, _SAS),
    "InvalidBlob": (AccessDenied, _SAS),
    "ExpiryTimeInThePast": (AccessDenied, _SAS),
    "ResourceDownload": (AccessDenied, _SAS),
    "ResourceLoadFailed": (BadRequest, _MODEL),
    "ModelPackageInvalid": (BadRequest, _MODEL),
    "ModelPackageFormatError": (BadRequest, _MODEL),
    "IncompatibleModel": (BadRequest, _MODEL),
    "ModelOutputMetadataMismatch": (BadRequest, _MODEL),
    "WebServicePackageInternalError": (BadRequest, "Deploy the web service again from its experiment."),
    "WebServiceIdInvalid": (BadConfiguration, f"An id in the address is not 32 hex digits. {_WHERE}"),
    "MissingJobId": (NotFound, "The service does not know that job (any more); submit again."),
    "InvalidBlobExtension": (
        BadConfiguration,
        "Data end in .csv, .tsv or .arff, trained models in .ilearner.",
    ),
}


class Studio:
    """Calls with one key; errors say what to do next."""

    def __init__(self, http: Http, key: Secret) -> None:
        self.http = http
        self._key = key

    def call(self, method: str, url: str, asked: str, body: object = None, advice: Advice = COMMON) -> Answer:
        """The answer, when it is 2xx or 304 (which `refresh` gives for nothing to do); else the error, explained."""
        answer = self.send(method, url, asked, body)
        if answer.ok or answer.status == 304:
            return answer
        raise explained(answer, advice)

    def send(self, method: str, url: str, asked: str, body: object = None, repeat: bool = True) -> Answer:
        """The answer, whatever its status.

        All but creating an endpoint may be asked twice: a job that was registered and never started does nothing.
        """
        return self.http.send(method, url, asked=asked, key=self._key(), body=body, repeat=repeat)


def explained(answer: Answer, advice: Advice) -> RetrainError:
    """The error of an answer, with advice by its most specific code."""
    refusal = answer.refusal
    for name in (refusal.detail, refusal.code, str(answer.status)):
        kind, text = advice.get(name, (None, ""))
        if kind is not None:
            return kind(f"{answer.asked}: HTTP {answer.status}, {redact(str(refusal)).rstrip('.')}. {text}")
        if text:
            return answer.error(text)
    return answer.error()


def is_refusal(answer: Refusal, *codes: str) -> bool:
    """Whether an error answer carries one of these codes."""
    return bool({answer.code, answer.detail} & set(codes))
