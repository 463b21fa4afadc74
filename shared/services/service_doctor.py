"""What is right and wrong with configured "new" web services, for `retrain doctor`. Nothing is changed or raised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from retrain.errors import NotFound, RetrainError
from retrain.ports import Diagnosis, Slot
from shared.services import urls
from shared.services.arm import Arm
from shared.services.service_definition import Definition

if TYPE_CHECKING:
    from shared.services.studio_service import StudioService

Verdict = Literal["ok", "warn", "fail"]


def examine(service: StudioService, arm: Arm, asset: str | None, accounts: Sequence[str]) -> Iterator[Diagnosis]:
    """Findings about production and each staging service; `accounts` are storage accounts that we reach."""
    production: Definition | None = None
    for slot in (service.production(), *service.staging()):
        try:
            found = service.definition(slot)
            yield _asset(slot, found, asset)
        except RetrainError as error:
            yield _finding(slot, "fail", str(error))
            continue
        yield from _settings(slot, found, accounts)
        yield _rights(slot, arm)
        yield _keys(slot, service)
        if slot.name == "production":
            production = found
        elif production is not None:
            yield _sibling(slot, found, production)


def _finding(slot: Slot, verdict: Verdict, message: str) -> Diagnosis:
    return Diagnosis(subject=f"endpoint: {slot.name} {slot.url.rpartition('/')[2]}", verdict=verdict, message=message)


def _asset(slot: Slot, found: Definition, asset: str | None) -> Diagnosis:
    model = found.model(asset)
    return _finding(slot, "ok", f"its trained model is {model.name!r} at {urls.plain(model.uri)}")


def _settings(slot: Slot, found: Definition, accounts: Sequence[str]) -> Iterator[Diagnosis]:
    state = str(found.value("properties", "provisioningState") or "not told")
    said = f"provisioningState is {state}"
    if state != "Succeeded":
        said += "; the last change did not succeed or goes on, and the model before it answers"
    yield _finding(slot, "ok" if state == "Succeeded" else "warn", said)
    if found.value("properties", "readOnly") is True:
        yield _finding(slot, "fail", "it is readOnly: it can never be changed again, only removed and deployed anew")
    account = str(found.value("properties", "storageAccount", "name") or "")
    if account.lower() in map(str.lower, accounts):
        yield _finding(slot, "ok", f"it reads its models in storage account {account!r}, which we reach")
    else:
        advice = "set `models` to env:NAME, a setting with a connection string of that account"
        yield _finding(slot, "fail", f"it reads its models in storage account {account!r}, which is not ours; {advice}")


def _rights(slot: Slot, arm: Arm) -> Diagnosis:
    try:
        allowed = arm.allows(slot.url, "Microsoft.MachineLearning/webServices/write")
    except NotFound:
        return _finding(slot, "warn", "the service does not tell what we may do with it")
    except RetrainError as error:
        return _finding(slot, "warn", str(error))
    if allowed:
        return _finding(slot, "ok", "the app's identity may update it")
    advice = "give it the role Contributor on the subscription or the resource group"
    return _finding(slot, "fail", f"the app's identity may read it but not update it; {advice}")


def _keys(slot: Slot, service: StudioService) -> Diagnosis:
    try:
        service.probe(slot)
    except RetrainError as error:
        return _finding(slot, "fail", str(error))
    return _finding(slot, "ok", "its API key opens it")


def _sibling(slot: Slot, found: Definition, production: Definition) -> Diagnosis:
    mine, theirs = (_columns(one) for one in (found, production))
    if mine == theirs:
        return _finding(slot, "ok", "it takes the same input as production")
    differing = sorted({*mine.items()} ^ {*theirs.items()})
    named = ", ".join(dict.fromkeys(name for name, _ in differing))[:300]
    return _finding(slot, "fail", f"it takes other input than production ({named}); deploy the same definition as both")


def _columns(definition: Definition) -> dict[str, str]:
    tables = definition.value("properties", "input", "properties") or {}
    return {
        f"{table}.{name}": str(column.get("type") if isinstance(column, dict) else column)
        for table, one in tables.items()
        for name, column in ((one or {}).get("properties") or {}).items()
    }
