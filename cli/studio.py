"""`retrain studio ...`: what people did in Studio's own user interface, for the local Studio (classic).

Endpoints (steps 8 to 10 of programmatic retraining) are in `endpoints`, which speaks the published protocol; the
commands here and in `experiments` speak to the stand-in alone.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import experiments
from cli.local_studio import URL, Url, studio_at
from cli.options import AsJson
from cli.render import emit, facts, say

app = typer.Typer(no_args_is_help=True, help="Experiments and web services of the local Studio (classic).")
app.add_typer(experiments.app, name="experiment")


@app.command("workspace")
def create_workspace(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the workspace is called.")],
    studio: Url = URL,
    json: AsJson = False,
) -> None:
    """Create a workspace and show its id and its authorization token.

    ```
    retrain studio workspace Bikes
    ```
    """
    with studio_at(studio) as client:
        made = client.create_workspace(name)
    if json:
        emit(made)
        return
    say(f"workspace {made['name']}", "bold")
    facts({"id": made["id"], "authorization token": made["token"]})
    say(f"For the other commands: export STUDIO_WORKSPACE={made['id']} STUDIO_TOKEN={made['token']}")
