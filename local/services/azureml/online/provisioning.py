"""What a change does once its time has passed: an endpoint takes traffic, a deployment gets its model."""

from local.services.azureml.control.errors import wrong
from local.services.azureml.online.models import content
from local.services.azureml.online.records import OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.azureml.records import MlWorkspace
from local.services.engine.engine import Engine
from local.services.engine.records import new_key
from local.services.engine.store import Store


def target_of(store: Store, operation: OnlineOperation) -> OnlineEndpoint | OnlineDeployment | None:
    """What the operation changes; None once it is gone."""
    if operation.of == "endpoint":
        return store.find(OnlineEndpoint, operation.target)
    return store.find(OnlineDeployment, operation.target)


async def perform(engine: Engine, operation: OnlineOperation) -> None:
    """Does what the operation is for. Raises: WireError; then what answers is as before."""
    target = target_of(engine.store, operation)
    if target is None:
        raise wrong(404, f"{operation.target} was deleted meanwhile.", "ResourceNotFound")
    if operation.verb == "delete":
        _delete(engine.store, target)
    elif isinstance(target, OnlineEndpoint):
        _change_endpoint(engine.store, target, operation)
    else:
        await _provision(engine, target, operation)


def _delete(store: Store, target: OnlineEndpoint | OnlineDeployment) -> None:
    if isinstance(target, OnlineEndpoint):
        store.delete(target, *store.all(OnlineDeployment, endpoint=target.id))
        return
    endpoint = store.find(OnlineEndpoint, target.endpoint)
    if endpoint is not None and endpoint.traffic.pop(target.name, None) is not None:
        store.save(endpoint)
    store.delete(target)


def _change_endpoint(store: Store, endpoint: OnlineEndpoint, operation: OnlineOperation) -> None:
    body = operation.body
    endpoint.tags = body.get("tags") or {}
    endpoint.identity = body.get("identity") or endpoint.identity
    if operation.verb == "put":
        properties = dict(body.get("properties") or {})
        endpoint.traffic = {name: share for name, share in (properties.pop("traffic", None) or {}).items() if share}
        endpoint.properties = properties
    endpoint.primary = endpoint.primary or new_key()
    endpoint.secondary = endpoint.secondary or new_key()
    endpoint.made = True
    store.save(endpoint)


async def _provision(engine: Engine, deployment: OnlineDeployment, operation: OnlineOperation) -> None:
    body = operation.body
    properties = body.get("properties") or deployment.live.get("properties") or deployment.properties
    sku = body.get("sku") or deployment.sku or {"name": "Default", "tier": "Standard", "capacity": 1}
    _check_quota(engine, deployment, int(sku.get("capacity") or 1))
    endpoint = engine.store.get(OnlineEndpoint, deployment.endpoint)
    workspace = engine.store.get(MlWorkspace, endpoint.workspace)
    deployment.log = ["Downloading model …"]
    sha = await _model(engine, workspace, properties)
    deployment.log += [f"Loaded model {properties.get('model')}", "Liveness probe answered 200"]
    deployment.sku, deployment.sha = sku, sha
    deployment.tags = body.get("tags") or (deployment.tags if operation.verb == "patch" else {})
    deployment.live = {"properties": properties, "sku": sku}
    engine.store.save(deployment)


async def _model(engine: Engine, workspace: MlWorkspace, properties: dict[str, object]) -> str:
    """The sha256 of the deployment's model, which was tried. Raises: WireError."""
    from local.services.engine.modelfile import NotAModel  # scikit-learn takes seconds to import: not at the start
    from local.services.engine.scoring import proven

    found = await content(engine, workspace, properties)
    try:
        await engine.in_thread(proven, found)
    except NotAModel as bad:
        raise wrong(400, f"The container crashed while it loaded the model: {bad}", "ResourceNotReady") from bad
    return engine.model_files.keep(found)


def _check_quota(engine: Engine, deployment: OnlineDeployment, wanted: int) -> None:
    others = [one for one in engine.store.all(OnlineDeployment) if one.sha and one.id != deployment.id]
    taken, quota = sum(one.instances for one in others), int(engine.switches["onlineQuota"])
    if taken + wanted > quota:
        raise wrong(
            400, f"Not enough quota: {wanted} more instances are wanted, {taken} of {quota} are in use.", "OutOfQuota"
        )
