"""Routes of datastores behind Resource Manager: blob containers under names. Keys are shown on request only."""

import time
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from local.services.azureml.control.control import SCOPE, Control, Json, control_of, paged, resource, workspace_of
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.locations import ARTIFACT_STORE
from local.services.azureml.control.routes_assets import body_of
from local.services.azureml.records import DEFAULT_STORE, Datastore, MlWorkspace
from local.services.engine.answers import json_response
from local.services.engine.blobs import ARTIFACTS, BadConnectionString, Unreachable, account_of
from local.services.engine.engine import Engine

DATASTORES = SCOPE + "/datastores"
DATASTORE = DATASTORES + "/{datastore}"


def _account(engine: Engine, store: Datastore) -> Any:
    return account_of(store.connection) if store.connection else engine.blobs.own


def _shown(engine: Engine, workspace: MlWorkspace, store: Datastore) -> Json:
    account = _account(engine, store)
    parts = urlsplit(account.url)
    endpoint = parts.netloc.removeprefix(f"{account.name}.blob.")
    properties = {
        "datastoreType": "AzureBlob",
        "description": None,
        "tags": {},
        "properties": {},
        "isDefault": store.name == DEFAULT_STORE,
        "credentials": {"credentialsType": "AccountKey" if account.key else "None"},
        "accountName": account.name,
        "containerName": store.container,
        "endpoint": endpoint,
        "protocol": parts.scheme,
        "serviceDataAccessAuthIdentity": "None",
        "subscriptionId": None,
        "resourceGroup": None,
    }
    return resource(workspace, f"datastores/{store.name}", properties, store.created)


def _all(control: Control, workspace: MlWorkspace) -> list[Datastore]:
    artifacts = Datastore(
        id=f"{workspace.id}/{ARTIFACT_STORE}",
        created=workspace.created,
        workspace=workspace.id,
        name=ARTIFACT_STORE,
        container=ARTIFACTS,
    )
    return [*control.store.all(Datastore, workspace=workspace.id), artifacts]


def _find(request: web.Request) -> tuple[MlWorkspace, Datastore]:
    workspace, name = workspace_of(request), request.match_info["datastore"]
    for store in _all(control_of(request), workspace):
        if store.name == name:
            return workspace, store
    raise wrong(404, f"There is no datastore {name!r} in workspace {workspace.name}.")


@operation("getmldatastore")
async def get_datastore(request: web.Request) -> web.Response:
    """GET datastores/{name}."""
    workspace, store = _find(request)
    return json_response(_shown(control_of(request).engine, workspace, store))


@operation("listmldatastores")
async def list_datastores(request: web.Request) -> web.Response:
    """GET datastores[?isDefault=true]."""
    workspace, control = workspace_of(request), control_of(request)
    shown = [_shown(control.engine, workspace, store) for store in _all(control, workspace)]
    wanted = request.query.get("isDefault", "").lower()
    return paged(request, [one for one in shown if not wanted or one["properties"]["isDefault"] == (wanted == "true")])


@operation("listmlsecrets")
async def list_secrets(request: web.Request) -> web.Response:
    """POST datastores/{name}/listSecrets: the account's key."""
    _, store = _find(request)
    key = _account(control_of(request).engine, store).key
    return json_response({"secretsType": "AccountKey", "key": key} if key else {"secretsType": "None"})


@operation("putmldatastore")
async def put_datastore(request: web.Request) -> web.Response:
    """PUT datastores/{name}: a container of the workspaces' account, or of another by its key."""
    workspace, control, name = workspace_of(request), control_of(request), request.match_info["datastore"]
    given = (await body_of(request)).properties
    if given.get("datastoreType") != "AzureBlob" or not given.get("containerName"):
        raise wrong(400, "properties.datastoreType is AzureBlob here, and properties.containerName is needed.")
    key = f"{workspace.id}/{name}"
    found = control.store.find(Datastore, key)
    made = Datastore(
        id=key,
        created=found.created if found else time.time(),
        workspace=workspace.id,
        name=name,
        container=str(given["containerName"]),
        connection=_connection(control.engine, given),
    )
    try:
        await control.engine.blobs.create_container(made.container, _any(control.engine, made))
    except Unreachable as failed:
        raise wrong(400, f"The container {made.container} cannot be reached: {failed}") from failed
    control.store.save(made)
    return json_response(_shown(control.engine, workspace, made), 200 if found else 201)


def _any(engine: Engine, store: Datastore) -> Any:
    """Any blob of the datastore."""
    return engine.blobs.own_reference("any", store.container, account=store.connection)


def _connection(engine: Engine, given: Json) -> str | None:
    own, account = engine.blobs.own, given.get("accountName")
    secrets = (given.get("credentials") or {}).get("secrets") or {}
    if account in (None, own.name):
        return None
    try:
        connection = engine.blobs.named(str(account), str(secrets.get("key") or ""))
        account_of(connection)
    except BadConnectionString as wrong_key:
        raise wrong(400, f"The key of account {account} cannot be used.") from wrong_key
    return connection


ROUTES = [
    web.get(DATASTORE, get_datastore),
    web.put(DATASTORE, put_datastore),
    web.get(DATASTORES, list_datastores),
    web.post(DATASTORE + "/listSecrets", list_secrets),
]
