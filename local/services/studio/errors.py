"""The errors the service answers with, spelled as on the wire. Which request deserves which error is decided elsewhere.

Every error has an outer class (`BadArgument`, HTTP 400) and usually one detail (`InvalidBlobExtension`), as in the
service's published list of error codes.
"""

from collections.abc import Callable

from local.services.engine.errors import WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named

CLASSES: dict[str, tuple[int, str]] = {
    "BadArgument": (400, "Invalid argument provided."),
    "BadUserArgument": (400, "Invalid user argument provided."),
    "InvalidOperation": (400, "The request is invalid in the current context."),
    "LibraryExecutionError": (400, "Module execution encountered an internal library error."),
    "ModuleExecutionError": (400, "Module execution encountered an error."),
    "WebServicePackageError": (400, "Invalid web service package."),
    "Unauthorized": (401, "Request is unauthorized to access resource."),
    "NotFound": (404, "Resource not found."),
    "RequestTimeout": (408, "Request could not be completed within the time limit."),
    "Conflict": (409, "Resource already exists."),
    "MemoryQuotaViolation": (413, "The model had exceeded the memory quota assigned to it."),
    "InternalError": (500, "Execution encountered an internal error."),
    "InternalErrorSystemLowOnMemory": (
        500,
        "Execution encountered an internal error. System low on memory. Please try again.",
    ),
    "ModelPackageFormatError": (500, "The model package is invalid."),
    "WebServicePackageInternalError": (500, "Internal web service package error."),
    "InitializingContainers": (503, "Request cannot execute as the containers are being initialized."),
    "ServiceUnavailable": (503, "Service is temporarily unavailable."),
    "GatewayTimeout": (504, "Request could not be completed within the time limit."),
}

DETAILS: dict[str, tuple[str, str]] = {
    # detail code: (outer class, message; {0} and {1} are filled in)
    "AdminRequestUnauthorized": ("Unauthorized", "Unauthorized"),
    "BadVersionCall": (
        "BadArgument",
        "Invalid version provided in the call: {0}. Use api-version=2.0.",
    ),
    "BatchJobInputsNotSpecified": (
        "BadArgument",
        "The following required input(s) were not specified with the request: {0}."
        " Please ensure all input data is specified and try again.",
    ),
    "BatchJobInputsTooManySpecified": ("BadArgument", "The request specified more inputs than the service has: {0}."),
    "BlobNotFound": (
        "BadArgument",
        "Unable to access the provided Azure blob - {0}.  Azure error message: {1}.",
    ),
    "CannotStartJob": ("InvalidOperation", "The job cannot be started because it is in {0} state."),
    "DuplicateInputInBatchCall": (
        "BadArgument",
        "The batch request is invalid. Cannot specify both single and multiple input at the same time."
        " Remove one of these items from the request and try again.",
    ),
    "ExpiryTimeInThePast": (
        "BadArgument",
        "The expiry time of the SAS token for blob {0} is in the past. Create a new token and try again.",
    ),
    "IncompatibleModel": ("InvalidOperation", "The model is not compatible with the web service: {0}."),
    "InputBlobRelativeLocationInvalid": (
        "BadArgument",
        "The relative location of the blob is invalid: {0}. It must be container/path/name.",
    ),
    "InputMismatchError": ("BadUserArgument", "Input data does not match the input schema: {0}."),
    "InputParseError": ("BadUserArgument", "Parsing of input vector failed: {0}."),
    "InvalidBlob": (
        "BadArgument",
        "Invalid blob specification for blob: {0}. Verify that connection string / relative path or SAS token"
        " specification is correct and try again.",
    ),
    "InvalidBlobConnectionString": (
        "BadArgument",
        "The connection string specified for one of the input/output blobs in invalid: {0}."
        " Please correct this and try again.",
    ),
    "InvalidBlobExtension": (
        "BadArgument",
        "The blob reference: {0} has an invalid or missing file extension."
        ' Supported file extensions for this output type are: "{1}".',
    ),
    "InvalidInputNames": ("BadArgument", "Invalid input names: {0}. The service's inputs are: {1}."),
    "InvalidOutputOverrideName": (
        "BadArgument",
        "Invalid output override name: {0}. The service does not have an output node with this name."
        " Please pass in a correct output node name to override (case sensitivity applies).",
    ),
    "InvalidQueryParameter": ("BadArgument", "Invalid query parameter: {0}."),
    "InvalidWebServiceResources": ("BadArgument", "Invalid web service resources: {0}."),
    "ManagementRequestUnauthorized": ("Unauthorized", "Unauthorized"),
    "MissingInputBlobInformation": ("BadArgument", "No blob information was given for input {0}."),
    "MissingJobId": (
        "BadArgument",
        "No job Id provided. A job Id is returned when a job was submitted for the first time."
        " Verify the job Id is correct and try again.",
    ),
    "MissingOutputOverrideSpecification": ("BadArgument", "No blob information was given for output {0}."),
    "MissingRequestInput": ("BadArgument", "No input data was given for input {0}."),
    "MissingRequiredGlobalParameters": (
        "BadArgument",
        "The following required global parameter(s) were not specified with the request: {0}.",
    ),
    "ModelOutputMetadataMismatch": ("Conflict", "The model's output does not match the service's output: {0}."),
    "RequestBodyInvalid": (
        "BadArgument",
        "No request body provided or error in deserializing the request body.",
    ),
    "RequestThrottled": (
        "ServiceUnavailable",
        "Request was throttled for {0} endpoint. The maximum concurrency for the endpoint is {1}.",
    ),
    "ResourceDownload": ("InternalError", "The resource could not be downloaded: {0}."),
    "ScoreRequestUnauthorized": ("Unauthorized", "Invalid credentials provided."),
    "UnexpectedParameter": ("BadArgument", "The request specified parameter(s) the service does not have: {0}."),
    "UnknownError": ("InternalError", "The request failed: {0}."),
    "UpdateWebServiceResourceFailed": ("InvalidOperation", "The web service resource could not be updated: {0}."),
    "UserParameterInvalid": ("BadUserArgument", "The value of parameter {0} is invalid: {1}."),
    "ValidationError": ("WebServicePackageError", "The web service package is invalid: {0}."),
    "WebServiceIdInvalid": (
        "BadArgument",
        "Invalid web service id provided. Web service id should be a valid guid.",
    ),
    "WebServiceIdNotFoundInWorkspace": ("NotFound", "Web service {0} was not found in the workspace."),
    "WebServiceNotFound": ("NotFound", "Web service was not found: {0}."),
    "WebServiceTypeInvalid": ("BadArgument", "The request does not suit this type of web service: {0}."),
    "WorkspaceNotFound": ("NotFound", "Workspace {0} was not found."),
    "BadParameterValue": ("BadArgument", "The value of {0} is invalid: {1}."),
}


def error(detail: str, *fill: object, target: str | None = None) -> WireError:
    """The documented error whose detail code is `detail`, its message filled with `fill`."""
    outer, template = DETAILS[detail]
    status, message = CLASSES[outer]
    entry = {"code": detail, "message": template.format(*fill)}
    if target is not None:
        entry["target"] = target
    return WireError(status, outer, message, [entry])


def outer_error(outer: str, reason: str | None = None) -> WireError:
    """An error known by its class alone; `reason` is told in a detail of the same code."""
    status, message = CLASSES[outer]
    return WireError(status, outer, message, [{"code": outer, "message": reason}] if reason else None)


def refusal(spelled: str, reason: str) -> WireError:
    """The error a switch spells as `status:Outer:Detail` (undocumented answers), with `reason` as its message."""
    status, outer, detail = spelled.split(":")
    return WireError(int(status), outer, CLASSES[outer][1], [{"code": detail, "message": reason}])


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        outer = code or (DETAILS[detail][0] if detail in DETAILS else "ServiceUnavailable")
        usual, text = CLASSES.get(outer, (500, outer))
        details = [{"code": detail, "message": message or "Injected fault."}] if detail else []
        return WireError(status or usual, outer, message or text, details)

    def unexpected(self, status: int, message: str) -> WireError:
        if status >= 500:
            return outer_error("InternalError")
        return WireError(status, {404: "NotFound", 413: "MemoryQuotaViolation"}.get(status, "BadArgument"), message)


DIALECT = _Dialect()


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation; its errors are spelled as this service's."""
    return named(name, DIALECT)
