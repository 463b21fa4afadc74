"""`retrain studio service ...`: the web services of a workspace of the local Studio. Their endpoints: `endpoints`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.local_studio import STUDIO_TOKEN, URL, Token, Url, Workspace, place, studio_at
from cli.options import AsJson
from cli.render import emit, say, table

app = typer.Typer(no_args_is_help=True, help="List and remove the web services of a workspace.")


@app.command("list")
def list_services(workspace: Workspace, studio: Url = URL, token: Token = STUDIO_TOKEN, json: AsJson = False) -> None:
    """List the web services of the workspace, with the PATCH address of each one's default endpoint.

    ```
    retrain studio service list
    ```
    """
    owned = place(workspace, token)
    with studio_at(studio) as client:
        found = client.services(owned)
        views = [
            {
                "webService": one["Id"],
                "name": one["Name"],
                "endpoints": one["EndpointCount"],
                "patchUrl": client.patch_url(owned, one["Id"], one["DefaultEndpointName"]),
            }
            for one in found
        ]
    if json:
        emit({"services": views})
        return
    rows = [(one["webService"], one["name"], str(one["endpoints"]), one["patchUrl"]) for one in views]
    table(("WEB SERVICE", "NAME", "ENDPOINTS", "DEFAULT ENDPOINT"), rows)


@app.command("remove")
def remove_service(
    service: Annotated[str, typer.Argument(metavar="WEBSERVICE", help="Id of a web service; names are not unique.")],
    workspace: Workspace,
    studio: Url = URL,
    token: Token = STUDIO_TOKEN,
    json: AsJson = False,
) -> None:
    """Remove a web service with all its endpoints; its experiment stays.

    ```
    retrain studio service remove 0123456789abcdef0123456789abcdef
    ```
    """
    owned, path = place(workspace, token), f"/workspaces/{workspace}/webservices/{service}"
    with studio_at(studio) as client:
        gone = client.call("GET", path, owned["token"]).json()
        client.call("DELETE", path, owned["token"])
    if json:
        emit({"removed": gone["Id"], "name": gone["Name"]})
    else:
        say(f"{gone['Name']} ({gone['Id']}) was removed with {gone['EndpointCount']} endpoints.")
