"""What may be put as a batch endpoint or deployment, found, removed, and how both are shown."""

import re
import time
from typing import Any

from aiohttp import web

from local.services.azureml.batch import operations
from local.services.azureml.batch.records import BatchDeployment, BatchEndpoint, BatchOperation
from local.services.azureml.control import assets, pipelines
from local.services.azureml.control.checks import check_compute
from local.services.azureml.control.control import Json, resource
from local.services.azureml.control.errors import wrong
from local.services.azureml.control.locations import NoSuchPlace
from local.services.azureml.control.routes_assets import Body
from local.services.azureml.records import MlWorkspace
from local.services.engine.engine import Engine
from local.services.engine.store import Store

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
PIPELINE = "PipelineComponent"


def find(store: Store, workspace: MlWorkspace, name: str) -> BatchEndpoint:
    """The endpoint. Raises: WireError, 404."""
    found = store.find(BatchEndpoint, key(workspace, name))
    if found is None:
        raise wrong(404, f"There is no batch endpoint {name!r} in workspace {workspace.name}.")
    return found


def find_deployment(store: Store, endpoint: BatchEndpoint, name: str) -> BatchDeployment:
    """The deployment. Raises: WireError, 404."""
    found = store.find(BatchDeployment, f"{endpoint.id}/{name}")
    if found is None:
        raise wrong(404, f"Batch endpoint {endpoint.name} has no deployment {name!r}.")
    return found


def key(workspace: MlWorkspace, name: str) -> str:
    """The id of an endpoint's record."""
    return assets.key(workspace, "batchEndpoints", name)


def put(engine: Engine, workspace: MlWorkspace, name: str, body: Body) -> tuple[BatchEndpoint, bool]:
    """Makes or replaces an endpoint; says whether it is new. Raises: WireError."""
    _check_name(name)
    given, found = body.properties, engine.store.find(BatchEndpoint, key(workspace, name))
    if str(given.get("authMode") or "AADToken").lower() != "aadtoken":  # Microsoft's client writes it aadToken
        raise wrong(400, f"properties.authMode is {given['authMode']!r}; batch endpoints take AADToken.")
    made = BatchEndpoint(
        id=key(workspace, name),
        created=found.created if found else time.time(),
        workspace=workspace.id,
        name=name,
        location=body.location or workspace.location,
        properties={member: given.get(member) for member in ("authMode", "description", "properties", "defaults")},
        tags=body.tags or {},
        identity=body.identity,
    )
    if made.default and engine.store.find(BatchDeployment, f"{made.id}/{made.default}") is None:
        raise wrong(400, f"The default deployment {made.default!r} is not there.")
    operations.begin(engine, workspace, made, "Updating" if found else "Creating")
    engine.store.save(made)
    return made, found is None


def _check_name(name: str) -> None:
    if not (_NAME.fullmatch(name) and 3 <= len(name) <= 32):
        raise wrong(400, f"{name!r} cannot be a name: 3 to 32 letters, digits and single dashes, a letter first.")


def put_deployment(
    engine: Engine, workspace: MlWorkspace, endpoint: BatchEndpoint, name: str, body: Body
) -> tuple[BatchDeployment, bool]:
    """Makes or replaces a deployment; says whether it is new. Raises: WireError."""
    _check_name(name)
    _check_deployment(engine, workspace, body.properties)
    found = engine.store.find(BatchDeployment, f"{endpoint.id}/{name}")
    made = BatchDeployment(
        id=f"{endpoint.id}/{name}",
        created=found.created if found else time.time(),
        endpoint=endpoint.id,
        name=name,
        location=body.location or endpoint.location,
        properties={member: value for member, value in body.properties.items() if member != "provisioningState"},
        tags=body.tags or {},
    )
    operations.begin(engine, workspace, made, "Updating" if found else "Creating")
    engine.store.save(made)
    return made, found is None


def _check_deployment(engine: Engine, workspace: MlWorkspace, properties: Json) -> None:
    configuration: dict[str, Any] = properties.get("deploymentConfiguration") or {}
    if configuration.get("deploymentConfigurationType") != PIPELINE:
        raise wrong(400, f"properties.deploymentConfiguration has to be a {PIPELINE}; models are not deployed here.")
    named = (configuration.get("componentId") or {}).get("assetId")
    try:
        spec = pipelines.component_of(engine, workspace, str(named))
    except NoSuchPlace as nowhere:
        raise wrong(400, str(nowhere)) from nowhere
    if spec.get("type") != "pipeline":
        raise wrong(400, f"{named} is a {spec.get('type')} component; only pipeline components are deployed.")
    compute = (configuration.get("settings") or {}).get("default_compute")
    if compute:
        check_compute(engine, workspace, str(compute))


def remove(engine: Engine, workspace: MlWorkspace, gone: operations.Changed) -> BatchOperation:
    """Removes an endpoint with all its deployments, or a deployment; answers the change. Raises: WireError."""
    if isinstance(gone, BatchDeployment) and engine.switches["batchDeleteDefault"] == "refuse":
        endpoint = engine.store.get(BatchEndpoint, gone.endpoint)
        if endpoint.default == gone.name:
            raise wrong(400, f"{gone.name} is the default of {endpoint.name}; make another deployment the default.")
    begun = operations.begin(engine, workspace, gone, "Deleting")
    engine.store.delete(*engine.store.all(BatchDeployment, endpoint=gone.id), gone)
    return begun


def scoring_uri(request: web.Request, endpoint: BatchEndpoint) -> str:
    """Where it is invoked: `https://{name}.{region}.inference.ml.azure.com/jobs`, on this machine a path."""
    return f"{request.url.origin()}/batch/{endpoint.location}/{endpoint.name}/jobs"


def shown(engine: Engine, workspace: MlWorkspace, endpoint: BatchEndpoint, request: web.Request) -> Json:
    """The endpoint as a resource."""
    state = operations.state(engine, endpoint)
    properties = {
        **endpoint.properties,
        "authMode": "AADToken",
        "properties": _followed(engine, endpoint, request),
        "defaults": {"deploymentName": endpoint.default},
        "scoringUri": None if state == "Creating" else scoring_uri(request, endpoint),
        "swaggerUri": None,
        "provisioningState": state,
    }
    return {
        **resource(workspace, f"batchEndpoints/{endpoint.name}", properties, endpoint.created),
        "location": endpoint.location,
        "tags": endpoint.tags,
        "identity": endpoint.identity,
        "kind": None,
    }


def shown_deployment(
    engine: Engine, workspace: MlWorkspace, endpoint: BatchEndpoint, deployment: BatchDeployment, request: web.Request
) -> Json:
    """The deployment as a resource."""
    properties = {
        "description": None,
        **deployment.properties,
        "properties": _followed(engine, deployment, request),
        "provisioningState": operations.state(engine, deployment),
    }
    path = f"batchEndpoints/{endpoint.name}/deployments/{deployment.name}"
    return {
        **resource(workspace, path, properties, deployment.created),
        "location": deployment.location,
        "tags": deployment.tags,
    }


def _followed(engine: Engine, changed: operations.Changed, request: web.Request) -> Json:
    last = engine.store.find(BatchOperation, changed.operation)
    where = {"AzureAsyncOperationUri": operations.address(request, last, "mfeOperationsStatus")} if last else {}
    return {**(changed.properties.get("properties") or {}), **where}
