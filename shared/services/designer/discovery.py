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
from shared.services.designer.addresses import WORKSPACES, Places, places
from shared.services.http import Http

SERVICES = ("https://api.azureml.ms", "https://api.ml.azure.us", "https://api.ml.azure.cn")
"""Hosts in whose domains the regional services are; no others get our token."""
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
        _allow(region["api"], url, arm.http)
        return places(region["api"], "/subscriptions/" + url.partition("/subscriptions/")[2])

    return find


def _allow(region: str, workspace: str, http: Http) -> None:
    same_host = urls.host_of(workspace) == urls.host_of(region)
    if not same_host and not any(urls.related(one, region) for one in SERVICES):
        raise BadConfiguration(f"workspace {workspace} has its services at {region}, no host of Azure ML; refused")
    http.allow(region)
