"""What the published contract leaves open, as named switches with a default. Who acts on a switch is elsewhere."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from local.services.studio.errors import CLASSES

_REFUSAL = re.compile(r"^[1-5]\d\d:([A-Za-z]+):([A-Za-z]+)$")


class BadSwitch(ValueError):
    """A switch that does not exist, or a value it cannot take; the message lists what it can."""


class Switch(msgspec.Struct, frozen=True):
    """One switch: its default, how a value is read, and what it steers."""

    default: Any
    read: Callable[[Any], Any]
    meaning: str


def _one_of(*allowed: Any) -> Callable[[Any], Any]:
    spelled = {str(value).lower(): value for value in allowed}

    def read(value: Any) -> Any:
        if str(value).lower() not in spelled:
            raise ValueError(f"one of {', '.join(spelled)}")
        return spelled[str(value).lower()]

    return read


def _number(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return number

    return read


def _refusal(value: Any) -> str:
    match = _REFUSAL.match(str(value))
    if not match or match[1] not in CLASSES:
        raise ValueError("status:OuterCode:DetailCode, such as 400:BadArgument:InvalidWebServiceResources")
    return str(value)


TABLE: dict[str, Switch] = {
    "statusEncoding": Switch("string", _one_of("string", "number"), "how a job's StatusCode is written"),
    "cancelledSpelling": Switch("Cancelled", _one_of("Cancelled", "Canceled"), "the word for a cancelled job"),
    "detailsWhenNull": Switch("null", _one_of("null", "absent"), "whether Details is written when there are none"),
    "startStatus": Switch(200, _one_of(200, 202, 204), "success code of starting a job"),
    "cancelStatus": Switch(200, _one_of(200, 202, 204), "success code of cancelling a job"),
    "patchStatus": Switch(200, _one_of(200, 202, 204), "success code of a PATCH"),
    "putStatus": Switch(201, _one_of(200, 201), "success code of creating an endpoint"),
    "deleteStatus": Switch(200, _one_of(200, 204), "success code of deleting an endpoint or service"),
    "propagationDelay": Switch(30.0, _number(0, 3600), "seconds until a PATCHed or refreshed model answers"),
    "sasLifetime": Switch(86400.0, _number(1, 31_536_000), "seconds a SAS given with results lives"),
    "siblingKey": Switch("accept", _one_of("accept", "refuse"), "may an endpoint's key manage a sibling endpoint"),
    "checkInputs": Switch("submit", _one_of("submit", "run"), "when an unreadable input is noticed"),
    "trainingDelay": Switch(0.0, _number(0, 86400), "seconds each job is slowed down by, for tests and demos"),
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


class Switches:
    """The switches in force; `switches["patchStatus"]` reads one."""

    def __init__(self, given: Mapping[str, Any] | None = None):
        self._values: dict[str, Any] = {name: switch.default for name, switch in TABLE.items()}
        self.change(given or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def change(self, given: Mapping[str, Any]) -> None:
        """Sets the given switches, all or none of them.

        Raises: BadSwitch naming the first mistake.
        """
        self._values.update({name: _read(name, value) for name, value in given.items()})

    def all(self) -> dict[str, Any]:
        """Every switch and its value."""
        return dict(self._values)


def _read(name: str, value: Any) -> Any:
    if name not in TABLE:
        raise BadSwitch(f"There is no switch {name!r}; the switches are {', '.join(sorted(TABLE))}.")
    try:
        return TABLE[name].read(value)
    except ValueError as wanted:
        raise BadSwitch(f"Switch {name} cannot be {value!r}; give {wanted}.") from wanted
