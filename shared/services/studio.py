"""What training and serving with Azure ML Studio (classic) share: addresses, blob references, and what its errors mean.

Batch execution is in `studio_jobs`, endpoint management in `studio_management`; the two ports are `studio_batch` and
`studio_classic`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from retrain.errors import AccessDenied, BadConfiguration, BadRequest, NotFound, PermanentError, RetrainError
from shared.redact import redact
from shared.services.credentials import Secret
from shared.services.http import Answer, Http, Refusal
from shared.services.urls import is_loopback, origin, plain

VERSION = "api-version=2.0"

Sign = Callable[[str, str, timedelta], str]
"""`Blobs.sign`: blob (container/name), permissions, lifetime → its address with a fresh SAS."""

JOB_LIFETIME = timedelta(hours=48)
"""Of the SAS that a job reads and writes with: it may stand in the service's queue behind forty others first."""

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


_AS_IS = "/~!$&'()*+,;=:@"  # what a path may hold without percent-encoding


class BlobReference(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """`AzureBlobDataReference`: account, `container/path` and SAS. Never with an account key here.

    The path is written as the blob is called, not percent-encoded, as beside a connection string; both are read.
    """

    base_location: str | None = None
    relative_location: str | None = None
    sas_blob_token: str | None = None

    @classmethod
    def of(cls, url: str) -> BlobReference:
        """The parts of a blob's address."""
        bare, mark, query = url.partition("?")
        parts = urlsplit(bare)
        path = parts.path.lstrip("/")
        account = ""
        if is_loopback(parts.hostname or ""):  # Azurite: the account is the first part of the path
            account, _, path = path.partition("/")
            account += "/"
        base = f"{parts.scheme}://{parts.netloc}/{account}"
        return cls(base_location=base, relative_location=unquote(path), sas_blob_token=mark + query)

    @property
    def address(self) -> str:
        """Where the blob is, without signature; empty when the service did not say."""
        if not self.base_location or not self.relative_location:
            return ""
        return f"{self.base_location.rstrip('/')}/{quote(self.blob, safe=_AS_IS)}"

    @property
    def url(self) -> str:
        """The address with the signature that came with it."""
        token = (self.sas_blob_token or "").lstrip("?")
        return f"{self.address}?{token}" if token else self.address

    @property
    def blob(self) -> str:
        """`container/name` as our own store would call it."""
        return unquote(self.relative_location or "").lstrip("/")

    def redacted(self) -> BlobReference:
        """The same with the signature hidden, fit for records and pages."""
        return msgspec.structs.replace(self, sas_blob_token=redact(self.sas_blob_token or ""))

    def __repr__(self) -> str:
        return f"BlobReference({self.address!r})"


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
            return kind(f"{answer.asked}: HTTP {answer.status}, {redact(str(refusal))}. {text}")
        if text:
            return answer.error(text)
    return answer.error()


def is_refusal(answer: Refusal, *codes: str) -> bool:
    """Whether an error answer carries one of these codes."""
    return bool({answer.code, answer.detail} & set(codes))


class Names(msgspec.Struct, frozen=True):
    """The inputs, outputs and global parameters that a service has, as far as its Swagger document tells."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        def listed(names: tuple[str, ...]) -> str:
            return ", ".join(names) or "none"

        return (
            f"inputs {listed(self.inputs)}; outputs {listed(self.outputs)}; "
            f"global parameters {listed(self.parameters)} (case matters)"
        )


def names_in(swagger: Any) -> Names:
    """Reads names out of `swagger.json`: the batch request's definition first, then the request-response ones."""
    definitions = swagger.get("definitions", {}) if isinstance(swagger, dict) else {}

    def members(*paths: tuple[str, str]) -> tuple[str, ...]:
        for definition, member in paths:
            found = _properties(definitions, definitions.get(definition, {})).get(member, {})
            names = tuple(_properties(definitions, found))
            if names:
                return names
        return ()

    return Names(
        members(("BatchExecutionRequest", "Inputs"), ("ExecutionRequest", "Inputs")),
        members(("BatchExecutionRequest", "Outputs"), ("ExecutionResults", "Results")),
        members(("BatchExecutionRequest", "GlobalParameters"), ("ExecutionRequest", "GlobalParameters")),
    )


def _properties(definitions: dict[str, Any], schema: Any) -> dict[str, Any]:
    for _ in range(5):  # a reference to a reference is enough; a ring must not hang us
        reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
        if not reference:
            break
        schema = definitions.get(reference.rpartition("/")[2], {})
    found = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return found if isinstance(found, dict) else {}
