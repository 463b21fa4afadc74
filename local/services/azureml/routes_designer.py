"""Authoring, `/designer/v1{workspace}`: datastores, data sets, drafts and their parameters. The JSON is ours."""

import re
import time

import msgspec
from aiohttp import web

from local.services.azureml import drafts
from local.services.azureml.azureml import SCOPE, azureml_of, workspace_of
from local.services.azureml.errors import Refused, services
from local.services.azureml.records import (
    Datastore,
    Link,
    MlWorkspace,
    PipelineDraft,
    RegisteredDataset,
    guid,
)
from local.services.azureml.submitting import submit_graph
from local.services.azureml.views import Json, Views
from local.services.engine.answers import json_response
from local.services.engine.blobs import BadConnectionString, Unreachable, account_of

BASE = "/designer/v1" + SCOPE
DRAFT = BASE + "/drafts/{draft}"
PARAMETER = DRAFT + "/parameters/{parameter}"
_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")


class DatastoreBody(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """A datastore to register; without a connection string it is in the workspaces' own account."""

    container: str
    connection_string: str | None = None


class DatasetBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A data set to register; each registration of a name is its next version."""

    name: str
    datastore: str
    path: str


class FieldsBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Fields of a module to change."""

    fields: dict[str, str]


def _store_shown(store: Datastore) -> Json:
    own = store.connection is None
    return {"name": store.name, "container": store.container, "ownAccount": own}


@services("putdatastore")
async def put_datastore(request: web.Request) -> web.Response:
    """PUT datastores/{name} {"container", "connectionString"?}."""
    workspace, service = workspace_of(request), azureml_of(request)
    name, given = request.match_info["datastore"], drafts.decode(await request.read(), DatastoreBody)
    if not _CONTAINER.fullmatch(given.container):
        raise Refused(400, f"{given.container!r} cannot be the name of a container.")
    try:
        if given.connection_string is None:
            await service.engine.blobs.create_container(given.container)
        else:
            account_of(given.connection_string)
    except BadConnectionString as wrong:
        raise Refused(400, "connectionString is not one of a storage account.") from wrong
    except Unreachable as failed:
        raise Refused(400, f"The container {given.container} cannot be made: {failed}.") from failed
    store = Datastore(
        id=f"{workspace.id}/{name}",
        created=time.time(),
        workspace=workspace.id,
        name=name,
        container=given.container,
        connection=given.connection_string,
    )
    service.store.save(store)
    return json_response(_store_shown(store))


@services("listdatastores")
async def list_datastores(request: web.Request) -> web.Response:
    """GET datastores: names and containers, no secrets."""
    workspace = workspace_of(request)
    return json_response(
        [_store_shown(store) for store in azureml_of(request).store.all(Datastore, workspace=workspace.id)]
    )


def _dataset_shown(dataset: RegisteredDataset) -> Json:
    names = ("id", "name", "version", "datastore", "path")
    return {name: getattr(dataset, name) for name in names}


@services("registerdataset")
async def register_dataset(request: web.Request) -> web.Response:
    """POST datasets {"name", "datastore", "path"}."""
    workspace, service = workspace_of(request), azureml_of(request)
    given = drafts.decode(await request.read(), DatasetBody)
    service.get(Datastore, workspace, f"{workspace.id}/{given.datastore}", "datastore")
    before = list(service.store.all(RegisteredDataset, workspace=workspace.id, name=given.name))
    dataset = RegisteredDataset(
        id=guid(),
        created=time.time(),
        workspace=workspace.id,
        name=given.name,
        version=str(len(before) + 1),
        datastore=given.datastore,
        path=given.path,
    )
    service.store.save(dataset)
    return json_response(_dataset_shown(dataset), 201)


@services("listdatasets")
async def list_datasets(request: web.Request) -> web.Response:
    """GET datasets."""
    workspace = workspace_of(request)
    found = azureml_of(request).store.all(RegisteredDataset, workspace=workspace.id)
    return json_response([_dataset_shown(dataset) for dataset in found])


def _draft(request: web.Request) -> tuple[MlWorkspace, PipelineDraft]:
    workspace = workspace_of(request)
    return workspace, azureml_of(request).get(PipelineDraft, workspace, request.match_info["draft"], "draft")


@services("createdraft")
async def create_draft(request: web.Request) -> web.Response:
    """POST drafts {"name", "description"?, "nodes", "edges"}."""
    workspace = workspace_of(request)
    draft = PipelineDraft(id=guid(), created=time.time(), workspace=workspace.id, name="")
    return json_response(drafts.shown(drafts.edit(azureml_of(request), draft, await request.read())), 201)


@services("listdrafts")
async def list_drafts(request: web.Request) -> web.Response:
    """GET drafts."""
    workspace = workspace_of(request)
    found = azureml_of(request).store.all(PipelineDraft, workspace=workspace.id)
    return json_response([drafts.shown(draft) for draft in found])


@services("getdraft")
async def get_draft(request: web.Request) -> web.Response:
    """GET drafts/{id}."""
    return json_response(drafts.shown(_draft(request)[1]))


@services("editdraft")
async def edit_draft(request: web.Request) -> web.Response:
    """PUT drafts/{id}: what is given replaces what was there."""
    _, draft = _draft(request)
    return json_response(drafts.shown(drafts.edit(azureml_of(request), draft, await request.read())))


@services("deletedraft")
async def delete_draft(request: web.Request) -> web.Response:
    """DELETE drafts/{id}; what was published from it stays."""
    azureml_of(request).store.delete(_draft(request)[1])
    return web.Response(status=204)


@services("setfields")
async def set_fields(request: web.Request) -> web.Response:
    """PATCH drafts/{id}/nodes/{node} {"fields"}."""
    _, draft = _draft(request)
    given = drafts.decode(await request.read(), FieldsBody)
    node = request.match_info["node"]
    return json_response(drafts.shown(drafts.set_fields(azureml_of(request), draft, node, given.fields)))


@services("listparameters")
async def list_parameters(request: web.Request) -> web.Response:
    """GET drafts/{id}/parameters: by name, each with its default and the fields it fills."""
    return json_response(msgspec.to_builtins(_draft(request)[1].parameters))


@services("setparameter")
async def set_parameter(request: web.Request) -> web.Response:
    """PUT drafts/{id}/parameters/{name} {"default"}: creates it, or changes its default."""
    _, draft = _draft(request)
    made = drafts.set_parameter(azureml_of(request), draft, request.match_info["parameter"], await request.read())
    return json_response(msgspec.to_builtins(made))


@services("deleteparameter")
async def delete_parameter(request: web.Request) -> web.Response:
    """DELETE drafts/{id}/parameters/{name}: 409 while it is attached."""
    drafts.delete_parameter(azureml_of(request), _draft(request)[1], request.match_info["parameter"])
    return web.Response(status=204)


@services("attachparameter")
async def attach(request: web.Request) -> web.Response:
    """POST drafts/{id}/parameters/{name}/attach {"node", "field"}."""
    _, draft = _draft(request)
    link = drafts.decode(await request.read(), Link)
    return json_response(
        msgspec.to_builtins(drafts.attach(azureml_of(request), draft, request.match_info["parameter"], link))
    )


@services("detachparameter")
async def detach(request: web.Request) -> web.Response:
    """POST drafts/{id}/parameters/{name}/detach {"node", "field"}."""
    _, draft = _draft(request)
    link = drafts.decode(await request.read(), Link)
    return json_response(
        msgspec.to_builtins(drafts.detach(azureml_of(request), draft, request.match_info["parameter"], link))
    )


def _views(request: web.Request) -> Views:
    return Views(azureml_of(request).switches, str(request.url.origin()))


@services("submitdraft")
async def submit_draft(request: web.Request) -> web.Response:
    """POST drafts/{id}/submit (PipelineSubmissionInfo): a run of the draft as it is now."""
    workspace, draft = _draft(request)
    run = submit_graph(azureml_of(request), workspace, draft.name, draft.graph, draft.parameters, await request.read())
    return json_response(_views(request).run(run))


@services("publishdraft")
async def publish_draft(request: web.Request) -> web.Response:
    """POST drafts/{id}/publish {"endpoint"?, "name"?, "description"?, "version"?, "setDefault"?, ...}."""
    workspace, draft = _draft(request)
    pipeline, endpoint = drafts.publish(azureml_of(request), workspace, draft, await request.read())
    views = _views(request)
    shown = views.endpoint(workspace, endpoint) if endpoint else None
    return json_response({"pipeline": views.pipeline(workspace, pipeline), "endpoint": shown}, 201)


ROUTES = [
    web.put(BASE + "/datastores/{datastore}", put_datastore),
    web.get(BASE + "/datastores", list_datastores),
    web.post(BASE + "/datasets", register_dataset),
    web.get(BASE + "/datasets", list_datasets),
    web.post(BASE + "/drafts", create_draft),
    web.get(BASE + "/drafts", list_drafts),
    web.get(DRAFT, get_draft),
    web.put(DRAFT, edit_draft),
    web.delete(DRAFT, delete_draft),
    web.patch(DRAFT + "/nodes/{node}", set_fields),
    web.get(DRAFT + "/parameters", list_parameters),
    web.put(PARAMETER, set_parameter),
    web.delete(PARAMETER, delete_parameter),
    web.post(PARAMETER + "/attach", attach),
    web.post(PARAMETER + "/detach", detach),
    web.post(DRAFT + "/submit", submit_draft),
    web.post(DRAFT + "/publish", publish_draft),
]
