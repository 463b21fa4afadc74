"""What a doctor looks at in the settings of a `studio-service` endpoint, seen from Resource Manager and the runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from retrain.findings import examined, fail, ok, warn
from retrain.ports import Diagnosis, Slot
from shared.services import urls
from shared.services.arm import Arm
from shared.services.studio.examine import key_opens
from shared.services.studio.web_services import Studio
from shared.services.studio_service.definition import Definition
from shared.services.studio_service.management import KIND, READ_ONLY

Place = Callable[[Slot], tuple[Studio, str]]
"""Calls with a slot's key, and where it answers."""


class Examination:
    """One look at all slots; `accounts` are storage accounts that we reach, `asset` is the configured one."""

    def __init__(
        self,
        get: Callable[[Slot], Definition],
        place: Place,
        arm: Arm,
        asset: str | None,
        accounts: Sequence[str],
    ) -> None:
        self._get, self._place, self._arm = get, place, arm
        self._asset, self._accounts = asset, accounts
        self._seen: dict[str, Definition] = {}

    def findings(self, slots: Sequence[Slot]) -> Iterator[Diagnosis]:
        """Each slot by itself, production first; then whether staging takes what production takes."""
        production, *stagings = slots
        for slot in slots:
            yield from examined(_title(slot), lambda slot=slot: self._slot(slot, _title(slot)))  # type: ignore[misc]
        for slot in stagings:
            if {slot.url, production.url} <= self._seen.keys():
                yield _sibling(_title(slot), self._seen[slot.url], self._seen[production.url])

    def _slot(self, slot: Slot, title: str) -> Iterator[Diagnosis]:
        found = self._get(slot)
        model = found.model(self._asset)
        self._seen[slot.url] = found
        yield ok(title, f"its trained model is {model.name!r} at {urls.plain(model.uri)}")
        yield from self._settings(found, title)
        yield from examined(title, lambda: self._rights(slot, title), lambda: self._opens(slot, title))

    def _settings(self, found: Definition, title: str) -> Iterator[Diagnosis]:
        state = str(found.value("properties", "provisioningState") or "not told")
        if state != "Succeeded":
            yield warn(title, f"provisioningState is {state}: the model before the last change answers")
        if found.value("properties", "readOnly") is True:
            yield fail(title, READ_ONLY)
        account = found.account
        if account.lower() in map(str.lower, self._accounts):
            yield ok(title, f"it reads its models in storage account {account!r}, which we reach")
        else:
            advice = "set `models` to env:NAME, a setting with a connection string of that account"
            yield fail(title, f"it reads its models in storage account {account!r}, which is not ours; {advice}")

    def _rights(self, slot: Slot, title: str) -> Iterator[Diagnosis]:
        if self._arm.allows(slot.url, f"{KIND}/write"):
            yield ok(title, "the app's identity may update it")
        else:
            advice = "give it the role Contributor on the subscription or the resource group"
            yield fail(title, f"the app's identity may read it but not update it; {advice}")

    def _opens(self, slot: Slot, title: str) -> Iterator[Diagnosis]:
        studio, base = self._place(slot)
        yield from key_opens(studio, base, title, f"the key of {slot.name}")


def _title(slot: Slot) -> str:
    return f"endpoint {slot.name} ({slot.url.rpartition('/')[2]})"


def _sibling(title: str, found: Definition, production: Definition) -> Diagnosis:
    mine, theirs = (_columns(one) for one in (found, production))
    if mine == theirs:
        return ok(title, "it takes the same input as production")
    named = ", ".join(sorted({name for name, _ in {*mine.items()} ^ {*theirs.items()}}))[:300]
    return fail(title, f"it takes other input than production ({named}); deploy the same definition as both")


def _columns(definition: Definition) -> dict[str, str]:
    tables = definition.value("properties", "input", "properties") or {}
    return {
        f"{table}.{name}": str(column.get("type") if isinstance(column, dict) else column)
        for table, one in tables.items()
        for name, column in ((one or {}).get("properties") or {}).items()
    }
