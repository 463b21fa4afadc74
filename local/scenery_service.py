"""Makes "new" web services out of a model that `scenery` made: its definition deployed twice at Resource Manager."""

from __future__ import annotations

import re
from dataclasses import replace

from local.scenery import Scene
from local.services.arm.client import ArmClient
from local.services.studio.client import StudioClient


def deployed_anew(studio: StudioClient, scene: Scene, storage: str, *more: str, settle: float = 0) -> Scene:
    """The same model served by two "new" web services, `{name}-live` and `{name}-staging`, and trained as before.

    `storage` is the connection string of the account that the model lies in, and which the services read; `more` are
    TOML lines for the endpoint.
    """
    arm, at = ArmClient(studio.url), f"/api/workspaces/{scene.workspace['id']}/experiments"
    experiments = studio.call("GET", at, scene.workspace["token"]).json()
    predictive = next(one["id"] for one in experiments if one["service"] == scene.service)
    whole = arm.complete(studio.export_definition(scene.workspace, predictive), storage)
    live, staging = (arm.deploy(f"{scene.name}-{slot}", whole) for slot in ("live", "staging"))
    lines = ('kind = "studio-service"', f'production = "{live}"', f'staging = "{staging}"', f"settle = {settle}", *more)
    heading = f"[models.{scene.name}.endpoint]\n"
    table = re.compile(re.escape(heading) + r"[^\[]*")
    toml = table.sub(lambda _: heading + "\n".join(lines) + "\n\n", scene.toml)
    scoring = arm.get(live)["properties"]["swaggerLocation"].removesuffix("/swagger.json")
    return replace(scene, toml=toml, patch_url=live, live={**scene.live, "ApiLocation": scoring})
