"""`retrain service ...`: the definition of a "new" web service, straight at Azure Resource Manager.

These commands do not talk to a Retrain: they do by hand what it does by itself (steps 9 to 13 of retraining a "new" web
service), and deploy one. `--url` is the resource address of the web service. Who asks is the identity that
azure-identity finds: a managed identity, a service principal in the environment, or `az login`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import AsJson, unwritten
from cli.problems import Problem, Usage, of_services
from cli.render import emit, facts, say, table

if TYPE_CHECKING:
    from shared.services.studio_service.definition import Asset, Definition
    from shared.services.studio_service.management import Service

app = typer.Typer(no_args_is_help=True, help='Get, rewrite and update the definition of a "new" Studio web service.')

Url = Annotated[
    str,
    typer.Option("--url", metavar="URL", help="https://management.azure.com/subscriptions/.../webServices/NAME"),
]
Version = Annotated[str, typer.Option("--api-version", metavar="VERSION", help="Of Resource Manager's calls.")]
Named = Annotated[Path, typer.Argument(metavar="FILE", help="A definition as JSON.")]
STABLE = "2017-01-01"


def service_at(url: str, version: str) -> Service:
    """The service of that address."""
    from shared.services.arm import Arm
    from shared.services.http import Http
    from shared.services.studio_service.management import Service, service_url

    return Service(Arm(Http(service_url(url))), url, version)


def definition_in(file: Path) -> Definition:
    """The definition in a file. Raises Usage, BadRequest."""
    from shared.services.studio_service.definition import Definition

    try:
        return Definition(file.read_bytes(), str(file))
    except OSError as error:
        raise Usage(f"{file} cannot be read: {error.strerror}") from None


@app.command("get")
def get_service(url: Url, version: Version = STABLE, json: AsJson = False) -> None:
    """Get the web service definition: its state, and its assets with their addresses.

    ```
    retrain service get --url "$SERVICE"
    ```
    """
    with of_services():
        view = _view(service_at(url, version).get())
    if json:
        emit(view)
        return
    say(view["name"], "bold")
    facts({name: str(view[member] or "") for name, member in _FACTS.items()})
    rows = [(one["asset"], one["type"], one["name"], one["uri"]) for one in view["assets"]]
    table(("ASSET", "TYPE", "NAME", "ADDRESS"), rows, indent=2)


_FACTS = {
    "state": "state",
    "modified": "modified",
    "read-only": "readOnly",
    "storage account": "storageAccount",
    "answers at": "answersAt",
}


def _view(found: Definition) -> dict[str, Any]:
    models = {asset.key for asset in found.models()}
    assets = found.value("properties", "assets") or {}
    answers = str(found.value("properties", "swaggerLocation") or "").removesuffix("/swagger.json")
    return {
        "name": found.value("name"),
        "state": found.value("properties", "provisioningState"),
        "modified": found.value("properties", "modifiedOn"),
        "readOnly": bool(found.value("properties", "readOnly")),
        "storageAccount": found.value("properties", "storageAccount", "name"),
        "answersAt": answers or None,
        "assets": [
            {
                "asset": key,
                "name": found.value("properties", "assets", key, "name"),
                "type": found.value("properties", "assets", key, "type"),
                "uri": found.value("properties", "assets", key, "locationInfo", "uri"),
                "trainedModel": key in models,
            }
            for key in assets
        ],
    }


@app.command("export")
def export_definition(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the definition goes.")],
    url: Url,
    version: Version = STABLE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    json: AsJson = False,
) -> None:
    """Export the web service definition as JSON into a file.

    ```
    retrain service export definition.json --url "$SERVICE"
    ```
    """
    unwritten(file, force)
    with of_services():
        found = service_at(url, version).get()
    _write(file, found)
    models = views(found.models())
    if json:
        emit({"file": str(file), "models": models})
        return
    say(f"{file} holds the definition of {found.value('name')}.")
    _tell_models(models)


def views(models: Iterable[Asset]) -> list[dict[str, str]]:
    """Trained models for machines."""
    return [{"asset": one.key, "name": one.name, "uri": one.uri} for one in models]


def _tell_models(models: list[dict[str, str]]) -> None:
    for one in models:
        say(f"  trained model {one['name']!r} ({one['asset']}) at {one['uri']}")


def _write(file: Path, definition: Definition) -> None:
    """As it is, only with line breaks: numbers and the order of members stay as the service wrote them."""
    import msgspec

    file.write_bytes(msgspec.json.format(definition.text, indent=2) + b"\n")


@app.command("rewrite")
def rewrite_definition(
    file: Named,
    model: Annotated[
        str, typer.Option(metavar="URL", help="Address of the .ilearner blob, or container/name in the same account.")
    ],
    asset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Needed only where the definition has several trained models.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Update the reference to the `ilearner` blob in an exported definition, and nothing else in it.

    A signature in the address is left off: the service reads the blob through its own storage account.

    ```
    retrain service rewrite definition.json --model models/new.ilearner
    ```
    """
    from shared.services.studio_service.definition import difference
    from shared.services.studio_service.files import moved

    with of_services():
        before = definition_in(file)
        after, changed = moved(before, asset, model)
    changes = list(difference(before.plain, after.plain))
    _write(file, after)
    if json:
        emit({"file": str(file), "asset": changed.key, "name": changed.name, "changes": changes})
    else:
        say(f"{file}: {changed.name!r} ({changed.key})" + ("" if changes else " was there already."))
        _tell(changes)


@app.command("import")
def import_definition(file: Named, json: AsJson = False) -> None:
    """Import the JSON into a definition: read it, check it, and say what is missing.

    ```
    retrain service import definition.json
    ```
    """
    from shared.services.studio_service.files import needed, wrong

    with of_services():
        found = definition_in(file)
        bad, lacking = list(wrong(found)), needed(found)
    models = views(found.models())
    if json:
        emit({"file": str(file), "models": models, "problems": bad, "neededToDeploy": lacking})
    if bad:
        raise Problem(f"{file} cannot be sent:", details=bad)
    if json:
        return
    say(f"{file} is a definition that can be sent.")
    _tell_models(models)
    if lacking:
        say(f"  To deploy it (--put) it needs {', '.join(lacking)} as well; an update does not.")


@app.command("update")
def update_service(
    file: Named,
    url: Url,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    put: Annotated[
        bool, typer.Option("--put", help="Send the whole with PUT, which also deploys a service that is not there.")
    ] = False,
    storage_key: Annotated[
        str | None, typer.Option(metavar="env:NAME", help="With --put: variable with the storage account's key.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(metavar="ID", help="With --put: resource id of the commitment plan.")
    ] = None,
    version: Version = STABLE,
    json: AsJson = False,
) -> None:
    """Update the web service with a definition: send it, follow the operation to its end, and verify it.

    ```
    retrain service update definition.json --url "$SERVICE" --dry-run
    retrain service update definition.json --url "$SERVICE"
    ```
    """
    from cli.service_update import Update

    with of_services():
        update = Update(service_at(url, version), definition_in(file), put=put, storage_key=storage_key, plan=plan)
        view = update.preview() if dry_run else update.run()
    if json:
        emit(view)
        return
    if dry_run:
        say(f"Nothing was changed. {view['method']} {view['url']} would " + _would(view))
        _tell(view["changes"] or [])
        return
    say(f"{view['url']} was {'deployed' if view['created'] else 'updated'}: {view['state']}.")
    for one in view["models"]:
        say(f"  trained model {one['name']!r} is at {one['uri']}")
    if view["example"] is not None:
        say(f"  its exampleRequest is answered with {view['example']}")


def _would(view: dict[str, Any]) -> str:
    if view["changes"] is None:
        return "deploy a new web service."
    return "change:" if view["changes"] else "change nothing: it is so already."


def _tell(changes: list[dict[str, Any]]) -> None:
    for change in changes:
        say(f"  {change['path']}")
        for side, mark in (("before", "-"), ("after", "+")):
            if side in change:
                say(f"    {mark} {change[side]}")
