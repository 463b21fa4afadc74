"""What a doctor looks at in the settings of a `studio-batch` trainer, seen from the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrain.findings import examined, fail, misnamed, ok, warn
from retrain.ports import Diagnosis
from shared.services.studio.examine import UNTOLD, key_opens, parameters_fit
from shared.services.studio.jobs import Jobs
from shared.services.studio.names import Names
from shared.services.studio.web_services import Studio

if TYPE_CHECKING:
    from shared.services.studio.batch import StudioBatchSettings

SUBJECT = "trainer"


def examine(settings: StudioBatchSettings, studio: Studio, base: str) -> Iterator[Diagnosis]:
    """The key, then every name that the settings use."""
    return examined(
        SUBJECT,
        lambda: key_opens(studio, base, SUBJECT, "key"),
        lambda: _names(settings, Jobs(studio, base).names()),
    )


def _names(settings: StudioBatchSettings, there: Names) -> Iterator[Diagnosis]:
    if not there.outputs:
        yield warn(SUBJECT, UNTOLD)
        return
    if settings.data_parameter:
        if settings.data_parameter not in there.parameters:
            yield fail(SUBJECT, misnamed("data_parameter", settings.data_parameter, there.parameters))
    elif not there.inputs:
        advice = "name the web-service parameter that takes the data's address in data_parameter"
        yield fail(SUBJECT, f"the service has no input, it reads its data by itself; {advice}")
    elif settings.input not in there.inputs:
        yield fail(SUBJECT, misnamed("input", settings.input, there.inputs))
    filled = {name: "" for name in (settings.data_parameter,) if name}
    yield from parameters_fit(SUBJECT, {**settings.parameters, **filled}, there.parameters, there.required)
    yield from _outputs(settings, there)


def _outputs(settings: StudioBatchSettings, there: Names) -> Iterator[Diagnosis]:
    if not there.models and len(there.tables) == len(there.outputs):
        advice = "is this the predictive service? Configure the training one, with its trained model as an output"
        yield fail(SUBJECT, f"no output of the service is a trained model (.ilearner); {advice}")
        return
    named = {"metrics": settings.metrics, "holdout": settings.holdout}
    wanted = {"model": settings.model} | {key: name for key, name in named.items() if name}
    unknown = {key: name for key, name in wanted.items() if name not in there.outputs}
    yield from (fail(SUBJECT, misnamed(key, name, there.outputs)) for key, name in unknown.items())
    if not unknown:
        yield from _kinds(settings, there)


def _kinds(settings: StudioBatchSettings, there: Names) -> Iterator[Diagnosis]:
    models = ", ".join(map(repr, there.models))
    if settings.model in there.tables:
        found = there.about[settings.model]
        yield fail(SUBJECT, f"model = {settings.model!r} gives: {found}. The .ilearner file is what {models} gives")
    elif settings.model not in there.models:
        yield warn(SUBJECT, f"the service does not say whether {settings.model!r} is the trained model (.ilearner)")
    else:
        yield ok(SUBJECT, f"its names fit: {there}; {models} is the trained model")
    if settings.metrics in there.models:
        tables = ", ".join(map(repr, there.tables)) or "no other output"
        yield fail(SUBJECT, f"metrics = {settings.metrics!r} is a trained model; the evaluation is in {tables}")
