"""What a doctor looks at in the settings of a `studio-classic` endpoint, seen from the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from retrain.errors import BadConfiguration
from retrain.findings import examined, fail, misnamed, ok, warn
from retrain.ports import Diagnosis, Slot
from shared.services.http import Http
from shared.services.studio.examine import UNTOLD, key_opens, parameters_fit
from shared.services.studio.jobs import Jobs
from shared.services.studio.management import DEFAULT_ADVICE, EndpointInfo, Management, runtime_of, updatable
from shared.services.studio.names import Names
from shared.services.studio.scores import choose
from shared.services.studio.web_services import Studio

if TYPE_CHECKING:
    from shared.services.studio.classic import StudioClassicSettings

FEW_CALLS = 4
"""What ThrottleLevel Low allows at a time."""


class Seen(NamedTuple):
    """What an endpoint said of itself: to management, and where it answers."""

    info: EndpointInfo
    base: str
    names: Names


class Examination:
    """One look at all slots; `studios` holds the calls with each slot's key, by management address."""

    def __init__(self, settings: StudioClassicSettings, studios: Mapping[str, Studio], http: Http) -> None:
        self._settings, self._studios, self._http = settings, studios, http
        self._seen: dict[str, Seen] = {}

    def findings(self, slots: tuple[Slot, ...]) -> Iterator[Diagnosis]:
        """Each slot by itself, production first; then whether staging takes what production takes."""
        production, *stagings = slots
        for slot, title in ((slot, _title(slot, slots)) for slot in slots):
            yield from examined(title, lambda slot=slot, title=title: self._slot(slot, title))  # type: ignore[misc]
        for slot in stagings:
            if {slot.url, production.url} <= self._seen.keys():
                yield from self._alike(slot, production, _title(slot, slots))

    def _slot(self, slot: Slot, title: str) -> Iterator[Diagnosis]:
        studio = self._studios[slot.url]
        info = Management(studio, slot.url).show()
        yield from examined(title, lambda: self._updatable(info, title))
        base = runtime_of(info, self._http, slot.url)
        yield from examined(title, lambda: key_opens(studio, base, title, f"the key of {slot.name}"))
        names = Jobs(studio, base).names()
        self._seen[slot.url] = Seen(info, base, names)
        yield from examined(title, lambda: self._names(names, title), lambda: _throttle(info, slot, title))

    def _updatable(self, info: EndpointInfo, title: str) -> Iterator[Diagnosis]:
        resource = updatable(info, self._settings.resource)
        if info.name == "default":
            raise BadConfiguration(f"{title} is the default endpoint. {DEFAULT_ADVICE}")
        if info.prevent_update:
            yield fail(title, "the endpoint was created with PreventUpdate and refuses PATCH; create another one")
        else:
            yield ok(title, f"endpoint {info.name!r} can be given another model as {resource.name!r}")

    def _names(self, there: Names, title: str) -> Iterator[Diagnosis]:
        if not there.outputs:
            yield warn(title, UNTOLD)
            return
        settings = self._settings
        used = (("input", settings.input, there.inputs), ("output", settings.output, there.outputs))
        wrong = [fail(title, misnamed(key, name, known)) for key, name, known in used if name not in known]
        yield from wrong
        yield from parameters_fit(title, settings.parameters, there.parameters, there.required)
        if wrong:
            return
        taken = ", ".join(there.columns.get(settings.input, ())) or "what it does not tell"
        given = there.columns.get(settings.output, ())
        column = choose(given, settings.score_column) if given else settings.score_column or "what it does not tell"
        yield ok(title, f"it takes the columns {taken}; the prediction is in {column!r}")

    def _alike(self, slot: Slot, production: Slot, title: str) -> Iterator[Diagnosis]:
        here, there = self._seen[slot.url], self._seen[production.url]
        if here.base == there.base:
            yield fail(title, "staging and production are one endpoint; a candidate needs an endpoint of its own")
            return
        settings = self._settings
        columns = [set(seen.names.columns.get(settings.input, ())) for seen in (here, there)]
        if columns[0] != columns[1]:
            apart = ", ".join(sorted(columns[0] ^ columns[1]))
            yield fail(title, f"staging and production do not take the same columns; only one of them takes {apart}")
        elif here.info.web_service_id != there.info.web_service_id:
            yield ok(title, "it belongs to another web service than production, but takes the same columns")


def _throttle(info: EndpointInfo, slot: Slot, title: str) -> Iterator[Diagnosis]:
    calls = info.max_concurrent_calls
    level = f"ThrottleLevel {info.throttle_level or 'unknown'}, {calls or 'an unknown number of'} calls at a time"
    if slot.name == "production" and calls is not None and calls <= FEW_CALLS:
        advice = "judging takes one of them from its users; `retrain endpoints create --calls` makes one with more"
        yield warn(title, f"{level}: {advice}")
    else:
        yield ok(title, level)


def _title(slot: Slot, slots: tuple[Slot, ...]) -> str:
    """`production`, `staging`, or `staging NAME` where there are several."""
    several = slot.name == "staging" and len(slots) > 2
    return f"{slot.name} {slot.url.rpartition('/')[2]}" if several else slot.name
