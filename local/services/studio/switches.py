"""What the published contract of Studio (classic) leaves open. Who acts on a switch is elsewhere."""

import re
from typing import Any

from local.services.engine.switches import Switch, number, one_of
from local.services.studio.errors import CLASSES

_REFUSAL = re.compile(r"^[1-5]\d\d:([A-Za-z]+):([A-Za-z]+)$")


def _refusal(value: Any) -> str:
    match = _REFUSAL.match(str(value))
    if not match or match[1] not in CLASSES:
        raise ValueError("status:OuterCode:DetailCode, such as 400:BadArgument:InvalidWebServiceResources")
    return str(value)


TABLE: dict[str, Switch] = {
    "statusEncoding": Switch("string", one_of("string", "number"), "how a job's StatusCode is written"),
    "cancelledSpelling": Switch("Cancelled", one_of("Cancelled", "Canceled"), "the word for a cancelled job"),
    "detailsWhenNull": Switch("null", one_of("null", "absent"), "whether Details is written when there are none"),
    "startStatus": Switch(200, one_of(200, 202, 204), "success code of starting a job"),
    "cancelStatus": Switch(200, one_of(200, 202, 204), "success code of cancelling a job"),
    "patchStatus": Switch(200, one_of(200, 202, 204), "success code of a PATCH"),
    "putStatus": Switch(201, one_of(200, 201), "success code of creating an endpoint"),
    "deleteStatus": Switch(200, one_of(200, 204), "success code of deleting an endpoint or service"),
    "tableType": Switch("table", one_of("table", "DataTable"), "what scored rows are called in table form"),
    "propagationDelay": Switch(30.0, number(0, 3600), "seconds until a PATCHed or refreshed model answers"),
    "sasLifetime": Switch(86400.0, number(1, 31_536_000), "seconds a SAS given with results lives"),
    "siblingKey": Switch("accept", one_of("accept", "refuse"), "may an endpoint's key manage a sibling endpoint"),
    "checkInputs": Switch("submit", one_of("submit", "run"), "when an unreadable input is noticed"),
    "trainingDelay": Switch(0.0, number(0, 86400), "seconds each job is slowed down by, for tests and demos"),
    "refuseDefaultPatch": Switch(
        "400:InvalidOperation:UpdateWebServiceResourceFailed", _refusal, "PATCH, refresh or DELETE of the default"
    ),
    "refuseNoResources": Switch(
        "400:InvalidOperation:UpdateWebServiceResourceFailed", _refusal, "PATCH of a service without resources"
    ),
    "refuseUnknownResource": Switch(
        "400:BadArgument:InvalidWebServiceResources", _refusal, "PATCH naming a resource the endpoint lacks"
    ),
    "refuseUnreadableModel": Switch(
        "400:BadArgument:BlobNotFound", _refusal, "PATCH whose blob cannot be read (expired SAS, gone)"
    ),
    "refuseNotAModel": Switch(
        "500:ModelPackageFormatError:ModelPackageFormatError", _refusal, "PATCH whose blob is not a trained model"
    ),
    "refusePreventUpdate": Switch(
        "400:InvalidOperation:UpdateWebServiceResourceFailed", _refusal, "PATCH of an endpoint with PreventUpdate"
    ),
    "refuseUnknownJob": Switch("400:BadArgument:MissingJobId", _refusal, "a job id the endpoint does not know"),
}
