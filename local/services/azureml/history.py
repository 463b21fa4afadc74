"""How run history shows pipeline runs, their steps, and jobs; and which of them a filter means. No routes here.

Source: the run history client of the core SDK, version 1 (members), and its filters (grammar).
"""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from local.services.azureml import artifacts
from local.services.azureml.azureml import AzureMl
from local.services.azureml.control import history as jobs
from local.services.azureml.control.records import MlJob
from local.services.azureml.errors import Refused
from local.services.azureml.records import PipelineRun, StepRun
from local.services.engine.records import wire_time

Json = dict[str, Any]
AnyRun = PipelineRun | StepRun | MlJob
_STATUS = {"Finished": "Completed", "Bypassed": "Canceled"}
_TOKEN = re.compile(r"\s*(\(|\)|'(?:[^']|'')*'|[^\s()]+)")
_WORDS = ("and", "or", ")")


def status_of(run: AnyRun) -> str:
    """The status in run history's words."""
    return _STATUS.get(run.status, run.status)


def run_shown(service: AzureMl, run: AnyRun) -> Json:
    """Run."""
    parent = parent_of(run)
    return {
        **_details(service, run),
        "parentRunId": parent,
        "rootRunId": parent or id_of(run),
        "runUuid": id_of(run),
        "runNumber": run.number,
        "experimentId": experiment_id(run),
        "createdUtc": wire_time(run.created),
        "displayName": name_of(run),
        "name": name_of(run),
        "description": run.description,
        "dataContainerId": artifacts.container(id_of(run)),
        "runType": source_of(run),
        "runTypeV2": None,
        "parameters": run.assignments if isinstance(run, PipelineRun) else {},
        "primaryMetricName": None,
        "createdBy": None,
        "createdFrom": None,
        "cancelUri": None,
        "completeUri": None,
        "diagnosticsUri": None,
        "duration": None,
        "computeDuration": None,
    }


def details_shown(service: AzureMl, run: AnyRun) -> Json:
    """RunDetails."""
    logs: dict[str, str] = {}
    if not isinstance(run, PipelineRun):
        paths = (path for path in run.artifacts if path.startswith((artifacts.LOGS, jobs.LOGS)))
        logs = {path: artifacts.address(service.engine, id_of(run), path) for path in paths}
    return {**_details(service, run), "runDefinition": None, "logFiles": logs}


def _details(service: AzureMl, run: AnyRun) -> Json:
    return {
        "runId": id_of(run),
        "experimentName": run.experiment,
        "status": status_of(run),
        "startTimeUtc": wire_time(run.started) if run.started else None,
        "endTimeUtc": wire_time(run.ended) if run.ended else None,
        "target": None,
        "services": {},
        "error": {"error": {"code": "UserError", "message": run.detail}} if run.detail else None,
        "warnings": [],
        "properties": properties_of(run),
        "tags": tags_of(run),
        "inputDatasets": [],
        "outputDatasets": [],
        "inputs": None,
        "outputs": jobs.outputs(service.store, run) if isinstance(run, MlJob) else None,
    }


def experiment_id(run: AnyRun) -> str:
    """The id of its experiment."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.workspace}/{run.experiment}"))


def id_of(run: AnyRun) -> str:
    """The run id: a job's is its name."""
    return run.name if isinstance(run, MlJob) else run.id


def parent_of(run: AnyRun) -> str | None:
    """The run id of the run that this one is a part of."""
    return run.run if isinstance(run, StepRun) else run.parent


def source_of(run: AnyRun) -> str:
    """`runType`: what kind of run it is."""
    if isinstance(run, MlJob):
        return jobs.source(run)
    return "azureml.PipelineRun" if isinstance(run, PipelineRun) else "azureml.StepRun"


def name_of(run: AnyRun) -> str:
    """What people call it."""
    if isinstance(run, MlJob):
        return jobs.display_name(run)
    return run.experiment if isinstance(run, PipelineRun) else run.name


def properties_of(run: AnyRun) -> dict[str, str]:
    """Its own properties, and those by which its kind is known."""
    own = {"azureml.runsource": source_of(run)}
    if isinstance(run, PipelineRun):
        parameters = msgspec.json.encode(run.assignments).decode()
        own |= {"runSource": run.source, "runType": run.type, "azureml.parameters": parameters}
        own |= {"azureml.pipelineid": run.pipeline} if run.pipeline else {}
    elif isinstance(run, MlJob):
        return {**own, **jobs.properties(run)}
    else:
        own |= {"azureml.moduleName": run.module, "azureml.nodeid": run.node, "azureml.pipelinerunid": run.run}
        own |= {"StepType": "PythonScriptStep", "azureml.moduleid": run.module}
    return {**own, **run.properties}


def tags_of(run: AnyRun) -> dict[str, str]:
    """Its own tags, and those of a pipeline run."""
    if not isinstance(run, PipelineRun):
        return run.tags
    own = {"azureml.pipelineComponent": "pipelinerun"}
    own |= {"azureml.pipelineid": run.pipeline} if run.pipeline else {}
    return {**own, **run.tags}


def chosen(text: str | None) -> Callable[[AnyRun], bool]:
    """The runs that a filter means: `field eq value` and `ne`, joined by and, or, and brackets. Raises: Refused.

    Fields: RunId, Status, RunType, ParentRunId, `Tags/name`, `Properties/name`; null is a value that is not there.
    """
    if not (text or "").strip():
        return lambda run: True
    tokens = [match[1] for match in _TOKEN.finditer(text or "")]
    meaning = _either(tokens)
    if tokens:
        raise _unreadable(text)
    return meaning


def _unreadable(text: object) -> Refused:
    return Refused(400, f"The filter cannot be read: {text}.")


def _either(tokens: list[str]) -> Callable[[AnyRun], bool]:
    parts = [_both(tokens)]
    while tokens and tokens[0].lower() == "or":
        tokens.pop(0)
        parts.append(_both(tokens))
    return lambda run: any(part(run) for part in parts)


def _both(tokens: list[str]) -> Callable[[AnyRun], bool]:
    parts = [_one(tokens)]
    while tokens and tokens[0].lower() == "and":
        tokens.pop(0)
        parts.append(_one(tokens))
    return lambda run: all(part(run) for part in parts)


def _one(tokens: list[str]) -> Callable[[AnyRun], bool]:
    if tokens and tokens[0] == "(":
        tokens.pop(0)
        inner = _either(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise _unreadable("a bracket is not closed")
        return inner
    if len(tokens) < 3 or tokens[1].lower() not in ("eq", "ne"):
        raise _unreadable(" ".join(tokens))
    field, sign = tokens.pop(0), tokens.pop(0).lower()
    value = _value(list(_taken(tokens)))
    read = _field(field)
    return lambda run: (read(run) == value) is (sign == "eq")


def _taken(tokens: list[str]) -> Iterator[str]:
    yield tokens.pop(0)
    while tokens and tokens[0].lower() not in _WORDS:  # an unquoted value may hold spaces
        yield tokens.pop(0)


def _value(words: list[str]) -> str | None:
    text = " ".join(words)
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return text[1:-1].replace("''", "'")
    return None if text == "null" else text


def _field(name: str) -> Callable[[AnyRun], str | None]:
    kind, _, key = name.partition("/")
    readers: dict[str, Callable[[AnyRun], str | None]] = {
        "tags": lambda run: tags_of(run).get(key),
        "properties": lambda run: properties_of(run).get(key),
        "runid": id_of,
        "status": status_of,
        "runtype": source_of,
        "parentrunid": parent_of,
    }
    if kind.lower() not in readers:
        raise Refused(400, f"Runs cannot be filtered by {name}; there are {', '.join(readers)}.")
    return readers[kind.lower()]
