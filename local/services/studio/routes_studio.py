"""The Studio host's routes: workspaces and experiments. Publishing is the documented call; the rest was a user
interface once, so its JSON is ours. They translate; the rules are in experiments.py and deploying.py."""

import time

import msgspec
from aiohttp import web

from local.services.engine.answers import json_response
from local.services.engine.records import new_id, new_key, to_builtins
from local.services.studio import definition, deploying, experiments
from local.services.studio.auth import owned_workspace
from local.services.studio.errors import error, operation, outer_error
from local.services.studio.records import Activity, Experiment, Workspace
from local.services.studio.services import decode
from local.services.studio.studio import studio_of

BASE = "/api/workspaces"
EXPERIMENT = BASE + "/{workspace}/experiments/{experiment}"


class NewWorkspace(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A workspace to create; id and token are made when absent."""

    name: str
    id: str | None = None
    token: str | None = None
    free: bool = False


@operation("createworkspace")
async def create_workspace(request: web.Request) -> web.Response:
    """POST workspaces: who reaches this machine's loopback address may."""
    studio, wanted = studio_of(request), decode(await request.read(), NewWorkspace)
    if wanted.id and studio.store.find(Workspace, wanted.id):
        raise outer_error("Conflict", f"The workspace {wanted.id} exists.")
    workspace = Workspace(
        id=wanted.id or new_id(),
        created=time.time(),
        name=wanted.name,
        token=wanted.token or new_key(),
        free=wanted.free,
    )
    studio.store.save(workspace)
    return json_response(to_builtins(workspace), 201)


def _workspace(request: web.Request) -> Workspace:
    return owned_workspace(request, "AdminRequestUnauthorized")


def _experiment(request: web.Request) -> Experiment:
    workspace = _workspace(request)
    key = request.match_info["experiment"]
    found = studio_of(request).store.find(Experiment, key)
    if found is None or found.workspace != workspace.id:
        raise outer_error("NotFound", f"There is no experiment {key} in the workspace.")
    return found


@operation("getworkspace")
async def get_workspace(request: web.Request) -> web.Response:
    """GET workspaces/{W}."""
    return json_response(to_builtins(_workspace(request)))


@operation("listexperiments")
async def list_experiments(request: web.Request) -> web.Response:
    """GET workspaces/{W}/experiments."""
    found = studio_of(request).store.all(Experiment, workspace=_workspace(request).id)
    return json_response([to_builtins(experiment) for experiment in found])


@operation("createexperiment")
async def create_experiment(request: web.Request) -> web.Response:
    """POST workspaces/{W}/experiments: a training experiment."""
    experiment = await experiments.create_training(studio_of(request), _workspace(request), await request.read())
    return json_response(to_builtins(experiment), 201)


@operation("getexperiment")
async def get_experiment(request: web.Request) -> web.Response:
    """GET experiments/{X}."""
    return json_response(to_builtins(_experiment(request)))


@operation("runexperiment")
async def run_experiment(request: web.Request) -> web.Response:
    """POST experiments/{X}/run: answers when the run has ended."""
    experiment = _experiment(request)
    await experiments.run(studio_of(request), experiment)
    return json_response(to_builtins(experiment))


@operation("deriveexperiment")
async def derive_experiment(request: web.Request) -> web.Response:
    """POST experiments/{X}/predictive: sets up the predictive experiment."""
    experiment = await experiments.derive(studio_of(request), _experiment(request), await request.read())
    return json_response(to_builtins(experiment), 201)


@operation("setports")
async def set_ports(request: web.Request) -> web.Response:
    """PUT experiments/{X}/ports: adds web-service outputs and says where the data comes from."""
    experiment = _experiment(request)
    experiments.set_ports(studio_of(request), experiment, await request.read())
    return json_response(to_builtins(experiment))


def _activity(activity: Activity, status: str) -> dict[str, str]:
    return {
        "ActivityId": activity.id,
        "WebServiceGroupId": activity.service,
        "EndpointId": activity.endpoint,
        "Status": status,
    }


@operation("publish")
async def publish(request: web.Request) -> web.Response:
    """POST experiments/{X}/webservice: deploys; callers poll the ActivityId."""
    experiment, studio = _experiment(request), studio_of(request)
    update = request.query.get("updateExistingWebService", "").lower() == "true"
    activity = deploying.deploy(studio, _workspace(request), experiment, await request.read(), update)
    return json_response(_activity(activity, "Pending"))


@operation("getactivity")
async def get_activity(request: web.Request) -> web.Response:
    """GET experiments/{ActivityId}/webservice."""
    workspace, key = _workspace(request), request.match_info["experiment"]
    activity = studio_of(request).store.find(Activity, key)
    if activity is None or activity.workspace != workspace.id:
        raise outer_error("NotFound", f"There is no activity {key} in the workspace.")
    return json_response(_activity(activity, activity.status))


@operation("exportdefinition")
async def export_definition(request: web.Request) -> web.Response:
    """GET experiments/{X}/webservicedefinition: the definition to deploy as a "new" web service."""
    experiment = _experiment(request)
    if not experiment.outputs:
        raise error("ValidationError", "the experiment has no web service output; add outputs before exporting it")
    return json_response(definition.export(experiment, deploying.graph_of(experiment)))


ROUTES = [
    web.post(BASE, create_workspace),
    web.get(BASE + "/{workspace}", get_workspace),
    web.get(BASE + "/{workspace}/experiments", list_experiments),
    web.post(BASE + "/{workspace}/experiments", create_experiment),
    web.get(EXPERIMENT, get_experiment),
    web.post(EXPERIMENT + "/run", run_experiment),
    web.post(EXPERIMENT + "/predictive", derive_experiment),
    web.put(EXPERIMENT + "/ports", set_ports),
    web.post(EXPERIMENT + "/webservice", publish),
    web.get(EXPERIMENT + "/webservice", get_activity),
    web.get(EXPERIMENT + "/webservicedefinition", export_definition),
]
