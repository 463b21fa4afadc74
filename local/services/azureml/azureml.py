"""The state of Azure Machine Learning, and how a request finds its workspace."""

from typing import TypeVar

from aiohttp import web

from local.services.azureml.errors import Refused
from local.services.azureml.records import MlWorkspace
from local.services.azureml.runs import Runs
from local.services.engine.engine import Engine
from local.services.engine.records import Record
from local.services.tokens.tokens import MANAGEMENT, BadToken, authorised

SCOPE = (
    "/subscriptions/{subscription}/{resourcegroups:(?i:resourceGroups)}/{group}"
    "/providers/{provider:(?i:Microsoft\\.MachineLearningServices)}/workspaces/{workspace}"
)
"""A workspace in the path of a route."""
R = TypeVar("R", bound=Record)


class AzureMl:
    """Everything the handlers share."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.store = engine.store
        self.switches = engine.switches
        self.runs = Runs(engine)

    def get(self, kind: type[R], workspace: MlWorkspace, key: str, what: str) -> R:
        """The workspace's record of that id. Raises: Refused, 404."""
        found = self.store.find(kind, key)
        if found is None or getattr(found, "workspace", None) != workspace.id:
            raise Refused(404, f"There is no {what} {key} in workspace {workspace.name}.")
        return found


AZUREML: web.AppKey[AzureMl] = web.AppKey("azureml", AzureMl)


def azureml_of(request: web.Request) -> AzureMl:
    """The service behind this request."""
    return request.app[AZUREML]


def scope_of(request: web.Request) -> str:
    """The workspace's Resource Manager id as this request writes it."""
    part = request.match_info
    return (
        f"/subscriptions/{part['subscription']}/resourceGroups/{part['group']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{part['workspace']}"
    )


def workspace_of(request: web.Request, *, write: bool | None = None) -> MlWorkspace:
    """The workspace, for callers with a token for Resource Manager; `write` needs a Contributor (default: no GET).

    Raises: Refused: 401, 403 or 404.
    """
    try:
        authorised(request, MANAGEMENT, write=write)
    except BadToken as wrong:
        raise Refused(wrong.status, str(wrong)) from wrong
    scope = scope_of(request)
    found = azureml_of(request).store.find(MlWorkspace, scope.lower())
    if found is None:
        raise Refused(404, f"Workspace not found: {scope}.")
    return found
