"""`retrain studio ...`: what people did in Studio's own user interface, for the local Studio (classic).

Endpoints (steps 8 to 10 of programmatic retraining) are in `endpoints`, which speaks the published protocol; the
commands here and in `experiments` speak to the stand-in alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import experiments, studio_services
from cli.local_studio import URL, Url, studio_at
from cli.options import AsJson, File, parameters
from cli.problems import Problem
from cli.render import emit, facts, figure, say

if TYPE_CHECKING:
    from local.own import Deployed


class Task(StrEnum):
    """What a model predicts."""

    regression = "regression"
    classification = "classification"


class Trainer(StrEnum):
    """What retrains a model that is deployed in one call."""

    studio_batch = "studio-batch"
    data_factory = "data-factory"


class Endpoint(StrEnum):
    """What serves it."""

    studio_classic = "studio-classic"
    studio_service = "studio-service"


app = typer.Typer(no_args_is_help=True, help="Experiments and web services of the local Studio (classic).")
app.add_typer(experiments.app, name="experiment")
app.add_typer(studio_services.app, name="service")


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


@app.command("deploy")
def deploy(
    file: File,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")],
    name: Annotated[str, typer.Option(metavar="MODEL", help="Name of the model: lowercase letters, digits, dashes.")],
    task: Annotated[Task | None, typer.Option(help="Told from the label if not said.")] = None,
    learner: Annotated[str | None, typer.Option(metavar="NAME", help="Such as ridge; else boosted-trees.")] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of ISO dates: the newest days are held out.")
    ] = None,
    positive: Annotated[str | None, typer.Option(metavar="CLASS", help="The class that is predicted.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the experiment; may be repeated.")
    ] = None,
    trainer: Annotated[Trainer, typer.Option(help="The kind of service that retrains it.")] = Trainer.studio_batch,
    endpoint: Annotated[Endpoint, typer.Option(help="The kind of service that serves it.")] = Endpoint.studio_classic,
    json: AsJson = False,
) -> None:
    """Make a served, configured and adopted model of your own CSV in the running local stack, in one call.

    It goes all the steps: both experiments, both web services, endpoints for production and staging, the model's
    configuration with its keys, and adoption. The newest fifth of the rows is held out for that.

    ```
    retrain studio deploy houses.csv --label price --name houses --time sold
    ```
    """
    try:
        from local import own
    except ImportError as error:
        raise Problem(f"the local stack is not installed here ({error}); run `make setup` in the project") from error
    asked: dict[str, Any] = {"task": task, "learner": learner, "time": time, "positive": positive}
    asked |= {"trainer": trainer, "endpoint": endpoint}
    made = own.deploy(file, name, label, **asked, parameters=parameters(param))
    if json:
        emit(_view(made))
    else:
        _tell(made)


def _view(made: Deployed) -> dict[str, Any]:
    return {
        "name": made.name,
        "task": made.task,
        "learner": made.learner,
        "trainRows": made.train_rows,
        "holdoutRows": made.holdout_rows,
        "baseline": made.baseline,
        "production": made.production,
        "models": str(made.models),
    }


def _tell(made: Deployed) -> None:
    say(f"{made.name} is served and adopted.", "bold")
    baseline = made.baseline
    facts(
        {
            "learns by": f"{made.learner} ({made.task}), from {made.train_rows:,} rows",
            baseline["metric"]: f"{figure(baseline['value'])} on {made.holdout_rows:,} rows that were held out",
            "skill": f"{figure(baseline['skill'])} (1 never errs, 0 is as good as a constant)",
            "answers at": made.production,
            "configured in": str(made.models),
        }
    )
    say(f"Next, newer data: retrain submit FILE --model {made.name} --watch")
