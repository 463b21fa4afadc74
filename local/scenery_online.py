"""Serves a model that `scenery_azureml` made by a managed online endpoint, and writes the configuration for it."""

from __future__ import annotations

import re
from dataclasses import replace

from local.scenery_azureml import AzureMlScene
from local.services.azureml.online.client import OnlineClient


def served_online(online: OnlineClient, scene: AzureMlScene, *more: str, live: bool = True) -> AzureMlScene:
    """The same model, trained as before, behind an online endpoint whose deployment `blue` has all traffic (none
    without `live`); `more` are TOML lines for the endpoint."""
    name = scene.name
    online.endpoint(name)
    if live:
        online.deployment(name, "blue", f"{online.scope}/models/{scene.registry}/versions/1")
        online.endpoint(name, {"blue": 100})
    heading = f"[models.{name}.endpoint]\n"
    stores = re.search(r"datastores = .*", scene.toml)
    lines = (
        'kind = "azureml-online"',
        f'workspace = "{scene.workspace}"',
        f'endpoint = "{name}"',
        f'registry = "{scene.registry}"',
        stores[0] if stores else "",
        *more,
    )
    table = re.compile(re.escape(heading) + r"[^\[]*")
    return replace(scene, toml=table.sub(lambda _: heading + "\n".join(lines) + "\n\n", scene.toml), endpoint=name)
