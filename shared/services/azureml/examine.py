"""What `retrain doctor` says of a workspace of Azure ML: what trains and scores there, its names, and datastores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.findings import examined, fail, misnamed, ok
from retrain.ports import Diagnosis
from shared.services.azureml.assets import name_and_version
from shared.services.azureml.batch import BatchEndpoint
from shared.services.azureml.components import Component, Components
from shared.services.azureml.work import Work
from shared.services.azureml.workspace import Workspace


class Wanted(msgspec.Struct, frozen=True):
    """Names of inputs and outputs that we fill, by setting; empty ones are left out."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def trainer(
    workspace: Workspace, work: Work, endpoint: BatchEndpoint | None, deployment: str, wanted: Wanted, settings: Any
) -> Iterator[Diagnosis]:
    """Of what trains: a component, a command, or a batch endpoint."""
    components = Components(workspace)
    if endpoint is not None:
        looked = partial(_endpoint, components, endpoint, deployment, wanted)
    elif work.component:
        looked = partial(component, "trainer", components, work.component, wanted)
    else:
        looked = partial(_command, workspace, work)
    checks = [partial(datastores, "trainer", workspace, settings.datastores)]
    if work.compute:
        checks.append(partial(_compute, workspace, work.compute))
    return examined("trainer", looked, *checks)


def component(subject: str, components: Components, reference: str, wanted: Wanted) -> Iterator[Diagnosis]:
    """Whether a pipeline component is there, with the inputs and outputs that we fill."""
    return _names(subject, components.show(reference), wanted)


def datastores(subject: str, workspace: Workspace, stores: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Whether each datastore is over the container that the configuration says."""
    for container, store in stores.items():
        tail = f"datastores/{quote(store, safe='')}"
        found = workspace.call("GET", tail, f"look at datastore {store}").json(dict[str, Any])["properties"]
        over = str(found.get("containerName") or "")
        if over == container:
            yield ok(subject, f"datastore {store} is over the container {container}")
        else:
            yield fail(subject, f"datastores: {store} is over the container {over!r}, not over {container!r}")


def _names(subject: str, shown: Component, wanted: Wanted) -> Iterator[Diagnosis]:
    yield ok(subject, f"{shown.ident} is there")
    for there, given in ((shown.inputs, wanted.inputs), (shown.outputs, wanted.outputs)):
        for setting, name in given.items():
            if name and name not in there:
                yield fail(subject, misnamed(setting, name, [*there]))
    required = [name for name, one in shown.inputs.items() if _needed(one)]
    for name in sorted(set(required) - set(wanted.inputs.values())):
        yield fail(subject, f"{shown.ident} needs its input {name!r}, which nothing fills; name it in `parameters`")


def _needed(shown: Any) -> bool:
    if not isinstance(shown, dict):
        return False
    return not shown.get("optional") and shown.get("default") is None


def _endpoint(components: Components, endpoint: BatchEndpoint, deployment: str, wanted: Wanted) -> Iterator[Diagnosis]:
    name = deployment or endpoint.default()
    if not name:
        yield fail(
            "trainer", f"batch endpoint {endpoint.name} has no default deployment; make one, or set `deployment`"
        )
        return
    shown = endpoint.deployment(name)["properties"]
    which = "as named" if deployment else "its default, which whoever manages the endpoint may move"
    yield ok("trainer", f"batch endpoint {endpoint.name} is there, deployment {name} ({which})")
    reference = ((shown.get("deploymentConfiguration") or {}).get("componentId") or {}).get("assetId")
    if not reference:
        yield fail("trainer", f"deployment {name} is of a model, and cannot train; name one of a pipeline component")
        return
    yield from component("trainer", components, reference, wanted)


def _command(workspace: Workspace, work: Work) -> Iterator[Diagnosis]:
    for kind, reference in (("environments", work.environment), ("codes", work.code)):
        if reference.startswith("azureml://registries/"):
            yield ok("trainer", f"{reference} is of a registry, and not looked at")
        elif reference:
            name, version = name_and_version(reference)
            tail = f"{kind}/{quote(name, safe='')}/versions/{quote(version, safe='')}"
            workspace.call("GET", tail, f"look at {kind} {name}:{version}")
            yield ok("trainer", f"{kind.removesuffix('s')} {name}:{version} is there")


def _compute(workspace: Workspace, name: str) -> Iterator[Diagnosis]:
    short = name.rpartition("/")[2]
    workspace.call("GET", f"computes/{quote(short, safe='')}", f"look at compute {short}")
    yield ok("trainer", f"compute {short} is there")
