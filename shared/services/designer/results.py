"""What the steps of a pipeline's run left: files (artifacts) and metrics, each on the step's own run.

Sources: azureml-core, `_restclient/{artifacts,metrics}_client`; component reference of Train Model and Evaluate Model.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.errors import BadConfiguration, NotFound
from shared.services.designer.pipelines import HistoryRun, Pipelines, continued, name_of
from shared.services.studio.metrics import finite, our_name

LEFT = " (left port)"
"""Ends the names of metrics where Evaluate Model compared two models; the left one is the trained one."""


class _Artifact(msgspec.Struct):
    path: str


class _Artifacts(msgspec.Struct):
    value: list[_Artifact] = []


class _Content(msgspec.Struct, rename="camel"):
    content_uri: str


class _Key(msgspec.Struct):
    name: str


class _Metric(msgspec.Struct, rename="camel"):
    metric_key: _Key


class _Metrics(msgspec.Struct):
    value: list[_Metric] = []


class _Value(msgspec.Struct):
    data: dict[str, Any] = {}


class _Values(msgspec.Struct):
    value: list[_Value] = []


def step_called(steps: Sequence[HistoryRun], name: str) -> HistoryRun | None:
    """The step of this name, else of this module, whatever the case; None when there is none.

    Raises:
        BadConfiguration: there are several; says how they can be told apart.
    """
    found = [step for step in steps if name.lower() in _names(step)]
    found = found or [step for step in steps if name.lower() == _module(step)]
    if len(found) > 1:
        ids = ", ".join(step.run_id for step in found)
        raise BadConfiguration(
            f"the run has {len(found)} steps {name!r} ({ids}); name the one that counts in the draft"
        )
    return found[0] if found else None


def _names(step: HistoryRun) -> set[str]:
    return {name.lower() for name in (step.display_name, step.name) if name}


def _module(step: HistoryRun) -> str:
    return str((step.properties or {}).get("azureml.moduleName") or "").lower()


def file_of(pipelines: Pipelines, step: HistoryRun, pattern: str) -> str:
    """The signed address of the one file of a step that fits the pattern (`*` crosses folders).

    Raises:
        BadConfiguration: none or several fit; names the step's files.
    """
    base, container = pipelines.places.artifacts, quote(_container(step), safe="")
    asked = f"list files of step {name_of(step)!r} ({step.run_id})"

    def ask(token: str | None) -> Any:
        more = f"?continuationToken={quote(token, safe='')}" if token else ""
        return pipelines.arm.call("GET", f"{base}/artifacts/ExperimentRun/{container}{more}", asked)

    paths = [artifact.path for page in continued(ask) for artifact in page.json(_Artifacts).value]
    fitting = [path for path in paths if fnmatchcase(path, pattern)]
    if len(fitting) != 1:
        raise BadConfiguration(
            f"{asked}: {len(fitting) or 'none'} fit {pattern!r}; it has {', '.join(sorted(paths))[:600] or 'none'}. "
            "Correct `model_step` and `model_file` in the configuration."
        )
    url = f"{base}/artifacts/contentinfo/ExperimentRun/{container}/{quote(fitting[0], safe='/')}"
    return pipelines.arm.call("GET", url, f"ask where {fitting[0]} of {step.run_id} is").json(_Content).content_uri


def metrics_of(pipelines: Pipelines, run: str) -> dict[str, float]:
    """What Evaluate Model logged on its own run, by our names of metrics; others are left out."""
    base = f"{pipelines.places.metrics}/runs/{quote(run, safe='')}"

    def ask(token: str | None) -> Any:
        body = {"metricNamespace": None, "continuationToken": token}
        return pipelines.arm.call("POST", f"{base}/list", f"list metrics of run {run}", body)

    names = [metric.metric_key.name for page in continued(ask) for metric in page.json(_Metrics).value]
    found: dict[str, float] = {}
    for name in names:
        ours = our_name(name.removesuffix(LEFT))
        value = _last(pipelines, base, name) if ours else None
        if ours and value is not None:
            found.setdefault(ours, value)
    return found


def _last(pipelines: Pipelines, base: str, name: str) -> float | None:
    body = {"metricName": name, "startTime": None, "endTime": None, "continuationToken": None}
    try:
        values = pipelines.arm.call("POST", f"{base}/full", f"read metric {name!r}", body).json(_Values).value
    except NotFound:
        return None
    return finite(values[-1].data.get(name)) if values else None


def _container(step: HistoryRun) -> str:
    """Where a step's files are; a step that was not run again, because nothing changed, has those of its first run."""
    return f"dcid.{first_run(step)}"


def first_run(step: HistoryRun) -> str:
    """The run that did a step's work."""
    return str((step.properties or {}).get("azureml.reusedrunid") or step.run_id)
