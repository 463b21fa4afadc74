"""Parts of Resource Manager's paths, which are read in any case, and the api-version of a request."""

from collections.abc import Sequence

from aiohttp import web

from local.services.arm.errors import refused

SUBSCRIPTION = "/{subscriptions:(?i:subscriptions)}/{subscription}"
GROUP = SUBSCRIPTION + "/{groups:(?i:resourceGroups)}/{group}"
PROVIDER = r"/{providers:(?i:providers)}/{provider:(?i:Microsoft\.MachineLearning)}"


def version_of(request: web.Request, kind: str, known: Sequence[str]) -> str:
    """The api-version. Raises: WireError, 400 as Resource Manager spells it."""
    version = request.query.get("api-version", "")
    if not version:
        raise refused(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if version not in known:
        raise refused(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{version}' and type '{kind}'. "
            f"The supported api-versions are '{', '.join(known)}'.",
        )
    return version
