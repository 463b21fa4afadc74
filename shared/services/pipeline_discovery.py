"""Where a workspace's regional services are: asked at Resource Manager, once.

Source: how-to-manage-rest.md; azureml-core, `_restclient` (the discovery address is called without any token).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import msgspec

from retrain.errors import BadConfiguration
from shared.services import urls
from shared.services.arm import Arm, resource_url
from shared.services.pipeline_addresses import WORKSPACES, Places, places

VERSION = "api-version=2025-12-01"


class _Properties(msgspec.Struct, rename="camel"):
    discovery_url: str = ""


class _Workspace(msgspec.Struct):
    properties: _Properties


def discovery(arm: Arm, workspace: str) -> Callable[[], Places]:
    """Tells a workspace's places when called, by its address at Resource Manager; what was found is kept.

    Calling it raises NotFound, AccessDenied; BadConfiguration: the workspace names no services.
    """

    @cache
    def find() -> Places:
        url = resource_url(workspace, WORKSPACES)
        shown = arm.call("GET", f"{url}?{VERSION}", f"look at workspace {url}").json(_Workspace)
        address = shown.properties.discovery_url
        if not address:
            raise BadConfiguration(f"workspace {url} names no discovery address; set `url` instead")
        arm.http.allow(address)
        region = arm.http.call("GET", address, asked=f"ask {urls.plain(address)} for services").json(dict[str, str])
        if "api" not in region:
            raise BadConfiguration(f"{urls.plain(address)} names no service `api`; set `url` instead")
        arm.http.allow(region["api"])
        return places(region["api"], "/subscriptions/" + url.partition("/subscriptions/")[2])

    return find
