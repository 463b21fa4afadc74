"""`retrain service list`, `keys` and `remove`: "new" web services as resources. Their definitions are in `service`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from cli.options import AsJson
from cli.problems import of_services
from cli.render import emit, facts, say, table
from cli.service import STABLE, Url, Version, service_at

Within = Annotated[
    str,
    typer.Option(
        "--url", metavar="URL", help="…/resourceGroups/G/providers/Microsoft.MachineLearning/webServices, or one in it."
    ),
]


def list_services(url: Within, version: Version = STABLE, json: AsJson = False) -> None:
    """List the web services of a resource group; without `/resourceGroups/G` in the address, of the subscription.

    ```
    retrain service list --url "$PROVIDER/webServices"
    ```
    """
    with of_services():
        views = [_view(one) for one in _pages(url, version)]
    if json:
        emit({"services": views})
        return
    table(("WEB SERVICE", "LOCATION", "ID"), [(one["name"], one["location"], one["id"]) for one in views])


def _pages(url: str, version: str) -> Iterator[dict[str, Any]]:
    from shared.services.arm import Arm
    from shared.services.http import Http
    from shared.services.urls import plain

    bare = plain(url.strip()).rstrip("/")
    at, slash, _ = bare.rpartition("/")
    place = at if slash and at.lower().endswith("/webservices") else bare
    arm, page = Arm(Http(place)), f"{place}?api-version={version}"
    while page:
        found = arm.call("GET", page, f"list web services of {place}").json(dict[str, Any])
        yield from found.get("value") or []
        page = str(found.get("nextLink") or "")


def _view(one: dict[str, Any]) -> dict[str, str]:
    return {member: str(one.get(member) or "") for member in ("name", "location", "id")}


def show_keys(url: Url, version: Version = STABLE, json: AsJson = False) -> None:
    """Show the API keys of the web service; either opens it.

    ```
    retrain service keys --url "$SERVICE"
    ```
    """
    with of_services():
        service = service_at(url, version)
        keys = service.keys()
    if json:
        emit({"name": service.name, "primaryKey": keys.primary, "secondaryKey": keys.secondary})
        return
    say(service.name, "bold")
    facts({"primary key": keys.primary, "secondary key": keys.secondary})


def remove_service(url: Url, version: Version = STABLE, json: AsJson = False) -> None:
    """Remove the web service: its address, keys and definition are gone for good. Export the definition first.

    ```
    retrain service remove --url "$SERVICE"
    ```
    """
    from cli.service_update import followed

    with of_services():
        service = service_at(url, version)
        service.get()
        followed(service, service.remove(), "the removal", "it is there still")
    if json:
        emit({"removed": service.name})
    else:
        say(f"{service.name} was removed.")


COMMANDS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("list", list_services),
    ("keys", show_keys),
    ("remove", remove_service),
)
