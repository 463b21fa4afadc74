"""The state of today's control plane, and how a request finds its workspace and its place on a page."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from local.services.arm.errors import caller, refused
from local.services.azureml.azureml import SCOPE as SCOPE
from local.services.azureml.azureml import azureml_of, scope_of
from local.services.azureml.control import assets
from local.services.azureml.control.errors import wrong
from local.services.azureml.control.jobs import Jobs
from local.services.azureml.control.locations import NoSuchPlace, locate
from local.services.azureml.control.records import MlJob, RegistryAsset
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_response
from local.services.engine.engine import Engine
from local.services.engine.records import wire_time

Json = dict[str, Any]
TYPE = "Microsoft.MachineLearningServices/workspaces"
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?")


class Control:
    """Everything the handlers share."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.store = engine.store
        self.switches = engine.switches
        self.jobs = Jobs(engine)
        self.watchers: list[Callable[[RegistryAsset], None]] = []
        """They are told of every new model version."""

    def job(self, workspace: MlWorkspace, name: str) -> MlJob:
        """The job of that name. Raises: WireError, 404."""
        found = self.store.find(MlJob, assets.key(workspace, "jobs", name))
        if found is None:
            raise wrong(404, f"Run {name} was not found in workspace {workspace.name}.")
        return found

    def new_job(self, workspace: MlWorkspace, name: str, properties: Json, **more: Any) -> MlJob:
        """A job that is not kept yet, the next one of its experiment. `more`: endpoint, deployment."""
        kept = {member: value for member, value in properties.items() if value is not None and member != "status"}
        job = MlJob(
            id=assets.key(workspace, "jobs", name),
            created=time.time(),
            workspace=workspace.id,
            name=name,
            number=0,
            properties=kept,
            **more,
        )
        others = (one for one in self.store.all(MlJob, workspace=workspace.id) if one.experiment == job.experiment)
        job.number = 1 + max((one.number for one in others), default=0)
        return job

    def registered(self, model: RegistryAsset) -> None:
        """Tells the watchers of a new model version."""
        for watcher in self.watchers:
            watcher(model)

    def check_asset(self, workspace: MlWorkspace, properties: Json) -> None:
        """Raises: WireError, 400, unless what an asset points to can be in the workspace."""
        uri = properties.get("modelUri") or properties.get("dataUri")
        try:
            if uri:
                locate(self.engine, workspace, str(uri))
        except NoSuchPlace as nowhere:
            raise wrong(400, str(nowhere)) from nowhere


CONTROL: web.AppKey[Control] = web.AppKey("azureml control", Control)


def control_of(request: web.Request) -> Control:
    """The service behind this request."""
    return request.app[CONTROL]


def workspace_of(request: web.Request) -> MlWorkspace:
    """The workspace, for callers with a token for Resource Manager and any api-version. Raises: WireError."""
    caller(request)
    check_version(request)
    return find_workspace(request)


def find_workspace(request: web.Request) -> MlWorkspace:
    """The workspace that the path names. Raises: WireError, 404."""
    found = azureml_of(request).store.find(MlWorkspace, scope_of(request).lower())
    if found is None:
        raise refused(404, "ResourceNotFound", f"The resource '{scope_of(request)}' was not found.")
    return found


def check_version(request: web.Request) -> None:
    """Raises: WireError, 400: Resource Manager wants an api-version. Which one is all the same here."""
    if not _VERSION.fullmatch(request.query.get("api-version", "")):
        raise refused(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests, such as 2025-12-01.",
        )


def paged(request: web.Request, resources: Sequence[Json]) -> web.Response:
    """One page of resources, and where the next one is. Raises: WireError, 400."""
    skip = request.query.get("$skip") or "0"
    if not skip.isdecimal():
        raise wrong(400, f"$skip is {skip!r}; it comes from the nextLink of a page before.")
    size = int(control_of(request).switches["resourcePage"])
    end = int(skip) + size
    link = str(request.url.update_query({"$skip": str(end)})) if end < len(resources) else None
    return json_response({"value": list(resources[int(skip) : end]), "nextLink": link})


def listed(request: web.Request, archived: bool) -> bool:
    """Whether the list that is asked for has archived resources, or others."""
    view = request.query.get("listViewType", "ActiveOnly").lower()
    return view == "all" or archived == (view == "archivedonly")


def resource(workspace: MlWorkspace, path: str, properties: Json, created: float, modified: float = 0.0) -> Json:
    """A resource below a workspace: `path` is `collection/name/collection/name…`."""
    parts = path.split("/")
    return {
        "id": f"{workspace.scope}/{path}",
        "name": parts[-1],
        "type": f"{TYPE}/{'/'.join(parts[::2])}",
        "properties": properties,
        "systemData": system_data(created, modified or created),
    }


def system_data(created: float, modified: float) -> Json:
    """Who made it and when."""
    return {
        "createdAt": wire_time(created),
        "createdBy": "local",
        "createdByType": "Application",
        "lastModifiedAt": wire_time(modified),
        "lastModifiedBy": "local",
        "lastModifiedByType": "Application",
    }
