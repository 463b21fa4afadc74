"""`retrain studio experiment ...`: experiments of the local Studio and the web services deployed from them.

Steps 1 to 5 of programmatic retraining, which people did in Studio's own user interface.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api import Json
from cli.local_studio import STUDIO_TOKEN, URL, Token, Url, Workspace, place, studio_at
from cli.options import AsJson, File, parameters, unwritten
from cli.render import emit, facts, say, table

OUTPUTS = ("evaluation", "model")

app = typer.Typer(no_args_is_help=True, help="Create experiments and deploy them as web services.")

Name = Annotated[str, typer.Option("--name", metavar="TEXT", help="What it is called.")]
Experiment = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Id of an experiment.")]


@app.command("create")
def create_experiment(
    file: File,
    name: Name,
    workspace: Workspace,
    task: Annotated[str, typer.Option(metavar="TASK", help="regression or classification.")],
    label: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    learner: Annotated[str | None, typer.Option(metavar="NAME", help="Such as ridge or boosted-trees.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another default of a parameter; may be repeated.")
    ] = None,
    studio: Url = URL,
    token: Token = STUDIO_TOKEN,
    json: AsJson = False,
) -> None:
    """Create a training experiment on a data set, and run it, so that there is a trained model.

    ```
    retrain studio experiment create first.csv --name "Bike Rental" --task regression --label cnt
    ```
    """
    owned, given = place(workspace, token), {"learner": learner, "parameters": parameters(param)}
    with studio_at(studio) as client:
        csv = file.read_text(encoding="utf-8")
        made = client.create_training_experiment(owned, name, task, label, csv=csv, **given)
        made = client.run_experiment(owned, made["id"])
    _tell(made, json, "the predictive experiment: retrain studio experiment predictive {id}")


@app.command("run")
def run_experiment(
    experiment: Experiment, workspace: Workspace, studio: Url = URL, token: Token = STUDIO_TOKEN, json: AsJson = False
) -> None:
    """Run an experiment again: it trains anew, or a predictive one takes over the newest trained model.

    ```
    retrain studio experiment run "$TRAINING"
    ```
    """
    owned = place(workspace, token)
    with studio_at(studio) as client:
        ran = client.run_experiment(owned, experiment)
    _tell(ran, json, "its web service gets it with: retrain studio experiment deploy {id} --update")


@app.command("predictive")
def derive_experiment(
    experiment: Experiment,
    workspace: Workspace,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Name to save the trained model under.")
    ] = None,
    studio: Url = URL,
    token: Token = STUDIO_TOKEN,
    json: AsJson = False,
) -> None:
    """Create a predictive experiment from a training experiment that was run.

    ```
    retrain studio experiment predictive "$TRAINING"
    ```
    """
    owned = place(workspace, token)
    with studio_at(studio) as client:
        made = client.derive_predictive(owned, experiment, **({"modelName": model} if model else {}))
    _tell(made, json, "its web service: retrain studio experiment deploy {id}")


@app.command("outputs")
def add_outputs(
    experiment: Experiment,
    workspace: Workspace,
    output: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="evaluation or model, in the order of their numbers.")
    ] = None,
    uri: Annotated[
        str | None, typer.Option(metavar="URL", help="Read data from the parameter URI, with this default.")
    ] = None,
    studio: Url = URL,
    token: Token = STUDIO_TOKEN,
    json: AsJson = False,
) -> None:
    """Update a training experiment so that it can be retrained: its model and its evaluation become outputs.

    ```
    retrain studio experiment outputs "$TRAINING" --output evaluation --output model
    ```
    """
    owned, data = place(workspace, token), "input" if uri is None else "uri"
    with studio_at(studio) as client:
        made = client.add_outputs(owned, experiment, output or OUTPUTS, data, uri)
    _tell(made, json, "the retraining web service: retrain studio experiment deploy {id}")


@app.command("deploy")
def deploy_experiment(
    experiment: Experiment,
    workspace: Workspace,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the web service; else the experiment's.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Update the web service it has: only its default endpoint changes.")
    ] = False,
    keys: Annotated[bool, typer.Option("--show-keys", help="Show the keys of the default endpoint as well.")] = False,
    studio: Url = URL,
    token: Token = STUDIO_TOKEN,
    json: AsJson = False,
) -> None:
    """Deploy an experiment as a web service: the predictive one, or the retraining one.

    ```
    retrain studio experiment deploy "$PREDICTIVE" --show-keys
    ```
    """
    owned = place(workspace, token)
    with studio_at(studio) as client:
        done = client.deploy(owned, experiment, update=update, **({"name": name} if name else {}))
        service = done["WebServiceGroupId"]
        view = _service(client.get_endpoint(owned, service), client.patch_url(owned, service, "default"), keys)
    if json:
        emit(view)
        return
    say(f"web service {view['webService']}", "bold")
    facts(
        {
            "answers at": view["apiLocation"],
            "management": view["patchUrl"],
            "resources": ", ".join(view["resources"]) or "none: it trains, and has nothing that can be replaced",
            "help": view["helpLocation"],
            "primary key": view.get("primaryKey", ""),
        }
    )


def _service(endpoint: Json, url: str, keys: bool) -> Json:
    secrets = {"primaryKey": endpoint["PrimaryKey"], "secondaryKey": endpoint["SecondaryKey"]} if keys else {}
    return {
        "webService": endpoint["WebServiceId"],
        "endpoint": endpoint["Name"],
        "apiLocation": endpoint["ApiLocation"],
        "patchUrl": url,
        "helpLocation": endpoint["HelpLocation"],
        "resources": [resource["Name"] for resource in endpoint["Resources"]],
        **secrets,
    }


@app.command("export")
def export_experiment(
    experiment: Experiment,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the definition goes.")],
    workspace: Workspace,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    studio: Url = URL,
    token: Token = STUDIO_TOKEN,
    json: AsJson = False,
) -> None:
    """Export an experiment as the definition of a "new" web service, to be deployed by `retrain service update --put`.

    ```
    retrain studio experiment export "$PREDICTIVE" definition.json
    ```
    """
    import json as text

    unwritten(file, force)
    owned = place(workspace, token)
    with studio_at(studio) as client:
        definition = client.export_definition(owned, experiment)
    file.write_text(text.dumps(definition, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if json:
        emit({"file": str(file), "experiment": experiment})
        return
    say(f"{file} holds the definition of {definition['properties']['title']!r}.")
    say("To deploy it, add properties.storageAccount.name; the account's key and the plan can be given to the command:")
    say(f"  retrain service update {file} --put --storage-key env:NAME --plan ID --url URL")


@app.command("list")
def list_experiments(
    workspace: Workspace, studio: Url = URL, token: Token = STUDIO_TOKEN, json: AsJson = False
) -> None:
    """List the experiments of the workspace.

    ```
    retrain studio experiment list
    ```
    """
    owned = place(workspace, token)
    with studio_at(studio) as client:
        found = client.call("GET", f"/api/workspaces/{workspace}/experiments", owned["token"]).json()
    if json:
        emit({"experiments": found})
        return
    rows = [(one["id"], one["name"], one["state"], ", ".join(_outputs(one)) or "-") for one in found]
    table(("EXPERIMENT", "NAME", "STATE", "OUTPUTS"), rows)


def _outputs(one: Json) -> list[str]:
    return [f"output{number} {kind}" for number, kind in enumerate(one.get("outputs") or (), start=1)]


def _tell(made: Json, json: bool, then: str) -> None:
    """An experiment as it is now, and what comes next."""
    if json:
        emit(made)
        return
    metrics: dict[str, Any] = made.get("metrics") or {}
    say(f"{made['name']}: {made['kind']} experiment, {made['state']}", "bold")
    facts(
        {
            "id": made["id"],
            "evaluation": ", ".join(f"{name} {value:.5g}" for name, value in metrics.items()),
            "saved model": made.get("resource") or "",
            "outputs": ", ".join(_outputs(made)),
        }
    )
    say("Next, " + then.format(id=made["id"]))
