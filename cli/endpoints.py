"""`retrain endpoints ...`: the endpoints of a Studio (classic) web service, straight at the service.

These commands do not talk to a Retrain: they do by hand what it does by itself (steps 8 to 10 of programmatic
retraining), and help to set it up. `--url` is the PATCH address of one endpoint of the web service.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import many_endpoints
from cli.keyed import AtOnce, Result, blame, document
from cli.options import AsJson
from cli.problems import Usage, of_services
from cli.render import emit, facts, heading, say, table

if TYPE_CHECKING:
    from shared.services.studio.management import EndpointInfo, Management
    from shared.services.studio.web_services import BlobReference

app = typer.Typer(no_args_is_help=True, help="Manage the endpoints of a Studio (classic) web service.")

Url = Annotated[
    str,
    typer.Option("--url", metavar="PATCH_URL", help="https://.../workspaces/W/webservices/S/endpoints/NAME"),
]
Key = Annotated[
    str,
    typer.Option("--key", metavar="env:NAME", help="Where the endpoint's key or the workspace's token is kept."),
]
Request = Annotated[Path, typer.Argument(metavar="FILE", help="Inputs and GlobalParameters as JSON.")]
Keys = Annotated[bool, typer.Option("--show-keys", help="Show the endpoint's own keys as well.")]


@contextmanager
def _managing(url: str, key: str) -> Iterator[Management]:
    """Endpoint management at that address; its errors become problems of the command."""
    from shared.services.credentials import reference_problem, secret
    from shared.services.http import Http
    from shared.services.studio.management import Management
    from shared.services.studio.web_services import Studio, management_url

    if wrong := reference_problem("--key", key):
        raise Usage(wrong)
    with of_services():
        place = management_url(url)
        yield Management(Studio(Http(place), secret(key)), place)


@app.command("list")
def list_endpoints(url: Url, key: Key, json: AsJson = False) -> None:
    """List the endpoints of the web service.

    ```
    retrain endpoints list --url "$PATCH_URL" --key env:WORKSPACE_TOKEN
    ```
    """
    with _managing(url, key) as management:
        views = [_view(management, info, False) for info in management.list()]
    if json:
        emit({"endpoints": views})
        return
    rows = [(view["name"], ", ".join(one["name"] for one in view["resources"]), view["patchUrl"]) for view in views]
    table(("ENDPOINT", "RESOURCES", "PATCH URL"), rows)


@app.command("show")
def show_endpoint(
    url: Url,
    key: Key,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="By default the one that --url names.")] = "",
    keys: Keys = False,
    json: AsJson = False,
) -> None:
    """Show an endpoint: its addresses, the resource that can be replaced, and with --show-keys its keys.

    ```
    retrain endpoints show live --url "$PATCH_URL" --key env:WORKSPACE_TOKEN --show-keys
    ```
    """
    with _managing(url, key) as management:
        view = _view(management, management.show(name), keys)
    _tell(view, json)


@app.command("create")
def create_endpoint(
    url: Url,
    key: Key,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Its name; of many, with {key} in it (by default MODEL{key}).")
    ] = "",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    calls: Annotated[int | None, typer.Option(min=1, max=200, help="Concurrent calls (by default four).")] = None,
    keys: Annotated[str, typer.Option("--keys", metavar="KEYS", help="One for each: 001..100, or north,south.")] = "",
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="With --keys: the model they are for.")] = "",
    at_once: AtOnce = 8,
    secrets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --keys: write their API keys there, as settings.")
    ] = None,
    show_keys: Keys = False,
    json: AsJson = False,
) -> None:
    """Create an endpoint with a copy of the default one's model and API keys of its own, or one per key of a model.

    The default endpoint itself refuses to be patched, so users must call another one. With --keys those that are there
    already are kept, so an interrupted command can be repeated.

    ```
    retrain endpoints create live --url "$PATCH_URL" --key env:WORKSPACE_TOKEN
    retrain endpoints create --model rental --keys 001..100 --url "$PATCH_URL" --key env:WORKSPACE_TOKEN
    ```
    """
    if keys:
        if not model:
            raise Usage("--keys needs --model, the model whose keys they are")
        with _managing(url, key) as management:
            _create_each(management, model, name, keys, calls, at_once, secrets, show_keys, json)
        return
    if not name:
        raise Usage("name the endpoint, or give --model and --keys to create one for each key")
    with _managing(url, key) as management:
        view = _view(management, management.create(name, description=description, calls=calls), show_keys)
    _tell(view, json)


def _create_each(
    management: Management,
    model: str,
    name: str,
    keys: str,
    calls: int | None,
    at_once: int,
    secrets: Path | None,
    show_keys: bool,
    json: bool,
) -> None:
    pattern = many_endpoints.pattern_of(name, model)
    names = many_endpoints.names_by_key(pattern, keys)
    results, made = many_endpoints.create(management, names, calls=calls, at_once=at_once)
    fragment = many_endpoints.toml(management, model, list(names), keys, pattern)
    if secrets is not None:
        many_endpoints.write_secrets(secrets, model, made)
    _tell_all(model, results, made if show_keys else {}, fragment, json)
    blame(results, "have no endpoint")


@app.command("patch")
def patch_endpoint(
    url: Url,
    key: Key,
    model: Annotated[
        str, typer.Option(metavar="env:NAME", help="Variable with the address of the .ilearner blob, SAS included.")
    ],
    resource: Annotated[
        str | None, typer.Option(metavar="NAME", help="Needed only where the endpoint has several; case matters.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Put a retrained model behind the endpoint that --url names.

    ```
    retrain endpoints patch --url "$PATCH_URL" --key env:LIVE_KEY --model env:ILEARNER_URL
    ```
    """
    from shared.services.studio.management import updatable

    reference = _model_at(model)
    with _managing(url, key) as management:
        name = updatable(management.show(), resource).name
        management.patch({"Resources": [{"Name": name, "Location": _builtins(reference)}]})
        view = {"patchUrl": management.url, "resource": name, "location": _builtins(reference.redacted())}
    if json:
        emit(view)
    else:
        say(f"{view['patchUrl']} took {reference.address} as {name!r}.")
        say("It shows in its answers after about half a minute.")


@app.command("score")
def score_request(file: Request, url: Url, key: Key, json: AsJson = False) -> None:
    """Ask the endpoint that --url names for predictions, with a request as its help page shows it.

    ```
    retrain endpoints score request.json --url "$PATCH_URL" --key env:LIVE_KEY
    ```
    """
    from cli.endpoint_scoring import read, score

    body = read(file)
    with _managing(url, key) as management:
        results = score(management, body, key)
    if json:
        emit({"Results": results})
        return
    for name, output in results.items():
        say(name, "bold")
        table(output["value"]["ColumnNames"], output["value"]["Values"], indent=2)


@app.command("remove")
def remove_endpoint(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of an endpoint.")],
    url: Url,
    key: Key,
    json: AsJson = False,
) -> None:
    """Remove an endpoint of the web service: its address and its keys are gone for good.

    The default endpoint cannot be removed; it goes with its web service.

    ```
    retrain endpoints remove rentalloc001 --url "$PATCH_URL" --key env:WORKSPACE_TOKEN
    ```
    """
    with _managing(url, key) as management:
        removed = f"{management.url.rpartition('/')[0]}/{management.show(name).name}"
        management.delete(name)
    if json:
        emit({"removed": removed})
    else:
        say(f"{removed} was removed.")


@app.command("refresh")
def refresh_endpoint(
    url: Url,
    key: Key,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Take the default endpoint's model too, undoing every PATCH.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Bring the endpoint that --url names up to date with the default one, as after a new deployment.

    ```
    retrain endpoints refresh --url "$PATCH_URL" --key env:LIVE_KEY --overwrite
    ```
    """
    with _managing(url, key) as management:
        changed = management.refresh(overwrite=overwrite)
    if json:
        emit({"patchUrl": management.url, "changed": changed})
    else:
        say(f"{management.url} " + ("was refreshed." if changed else "was up to date: nothing changed."))


def _tell_all(model: str, results: list[Result], shown: dict[str, EndpointInfo], fragment: str, json: bool) -> None:
    """Every key's endpoint, and the configuration to go with them."""
    if json:
        views = document(model, results, toml=fragment)
        for view in views["keys"]:
            view |= {"primaryKey": shown[view["key"]].primary_key} if view["key"] in shown else {}
        emit(views)
        return
    titles = ("KEY", "ENDPOINT", "STATE", *(["API KEY"] if shown else []), "PATCH URL")
    rows = []
    for result in results:
        secret = [(shown[result.key].primary_key or "") if result.key in shown else ""] if shown else []
        rows.append((result.key, result.view.get("name", "-"), result.state, *secret, result.view.get("patchUrl", "-")))
    table(titles, rows)
    heading("To be configured, with a trainer, staging and a gate")
    say(fragment)


def _model_at(reference: str) -> BlobReference:
    """The blob whose signed address a variable holds: on a command line everybody could read it. Raises Usage."""
    from shared.services.studio.web_services import BlobReference

    kind, _, name = reference.partition(":")
    url = os.environ.get(name, "").strip() if kind == "env" else ""
    if kind != "env" or not url.startswith(("https://", "http://")):
        raise Usage("--model takes env:NAME, a variable with the https:// address of the .ilearner blob and its SAS")
    return BlobReference.of(url)


def _builtins(reference: BlobReference) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(reference))


def _view(management: Management, info: EndpointInfo, keys: bool) -> dict[str, Any]:
    """An endpoint as this command shows it, without signatures, and without keys unless they are asked for."""
    resources = [
        {"name": one.name, "location": one.location.address if one.location else ""} for one in info.resources or []
    ]
    secrets = {"primaryKey": info.primary_key, "secondaryKey": info.secondary_key} if keys else {}
    return {
        "name": info.name,
        "patchUrl": f"{management.url.rpartition('/')[0]}/{info.name}",
        "apiLocation": info.api_location,
        "helpLocation": info.help_location,
        "description": info.description,
        "maxConcurrentCalls": info.max_concurrent_calls,
        "preventUpdate": info.prevent_update,
        "resources": resources,
        **secrets,
    }


def _tell(view: dict[str, Any], json: bool) -> None:
    if json:
        emit(view)
        return
    say(view["name"], "bold")
    facts(
        {
            "PATCH URL": view["patchUrl"],
            "answers at": view["apiLocation"] or "",
            "help": view["helpLocation"] or "",
            "description": view["description"] or "",
            "calls at a time": str(view["maxConcurrentCalls"] or ""),
            "primary key": view.get("primaryKey") or "",
            "secondary key": view.get("secondaryKey") or "",
        }
    )
    for one in view["resources"]:
        say(f"  resource {one['name']!r} from {one['location'] or 'a place the service does not tell'}")
    if view["name"] == "default":
        say("  This is the default endpoint: it refuses PATCH; create another one.")
