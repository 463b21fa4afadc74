"""The command that plays the past again: what other rules would have done, before they are trusted with the future."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.api import Json
from cli.options import AsJson, Model, connect, parameters
from cli.problems import Problem, Usage
from cli.render import emit, figure, heading, note, say, table
from cli.stored import judge_again

if TYPE_CHECKING:
    from local.backtest.replay import Replay
    from retrain.model import Model as Configured

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="FILES...", help="The batches of the past: CSV files, or their folders.")
]
Gate = Annotated[
    Path | None,
    typer.Option("--gate", metavar="FILE", help="Other rules to try: [gate], [intake], [holdout] in TOML."),
]
Learner = Annotated[
    str | None, typer.Option("--learner", metavar="NAME", help="A learner of the local services, such as ridge.")
]
Param = Annotated[list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the learner.")]
Truth = Annotated[
    Path | None, typer.Option("--truth", metavar="FOLDER", help="Files of the same names that hold the clean rows.")
]
First = Annotated[int, typer.Option("--first", min=1, metavar="N", help="So many files make the first champion.")]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where picture and report are written.")]
Models = Annotated[
    Path | None,
    typer.Option("--models", envvar="RETRAIN_MODELS_FILE", metavar="FILE", help="The models.toml that MODEL is in."),
]

Stored = Annotated[
    bool, typer.Option("--stored", help="No files: judge candidates of past runs again, by what the app keeps of them.")
]
Last = Annotated[int, typer.Option("--last", min=1, max=200, metavar="N", help="With --stored: so many, the newest.")]

TITLES = ("POLICY", "PROMOTED", "RIGHT", "WRONG", "BACK", "INTAKE", "CRASHED", "MEAN", "REGRET", "REFUSED BY")
NAIVE = 4
"""The first of the policies, which have no rules to tell of."""


@dataclass(frozen=True)
class Chosen:
    """How the past is played."""

    learner: str | None
    parameters: dict[str, str]
    truth: Path | None
    first: int


def backtest(
    ctx: typer.Context,
    model: Model,
    files: Files = None,
    gate: Gate = None,
    learner: Learner = None,
    param: Param = None,
    truth: Truth = None,
    first: First = 1,
    out: Out = Path("backtest"),
    models: Models = None,
    stored: Stored = False,
    last: Last = 50,
    json: AsJson = False,
) -> None:
    """Play the past again through intake, training and gate, several policies side by side.

    Files are played in order of time, on this machine, with the learners of the local services. Nothing is sent
    anywhere. A picture and the whole report are written to the folder --out.

    With --stored no file is played: the app is asked for what the gate judged its newest candidates by, and they are
    judged again, by the rules of --gate laid over those of then.

    ```
    retrain backtest bikes history/ --learner boosted-trees
    retrain backtest bikes history/*.csv --gate stricter.toml --truth clean/ --out tried
    retrain backtest bikes --stored --last 50 --gate stricter.toml
    ```
    """
    if stored:
        _stored(ctx, model, gate, last, files or [], json)
        return
    chosen = Chosen(learner, parameters(param), truth, first)
    with _problems(models):
        configured = _configured(models, model)
    with _problems(gate):
        other = _other(gate, configured)
    with _problems():
        replay = _play(configured, other, files or [], chosen)
        report = _report(replay)
        written = _write(replay, report, out)
    if json:
        emit(report)
    else:
        _tell(report)
        say()
        for what, file in written.items():
            say(f"{what:<8} {file}", "dim")


def _stored(ctx: typer.Context, model: str, gate: Path | None, last: int, files: list[Path], json: bool) -> None:
    """Judges past candidates again. Raises Usage, Problem."""
    if files:
        raise Usage("--stored judges what the app keeps; it takes no files")
    with _problems(gate):
        text = None if gate is None else _text(gate, "--gate")
        judge_again(connect(ctx), model, text, last, json)


@contextmanager
def _problems(file: Path | None = None) -> Iterator[None]:
    """Mistakes in files, rules and parameters become problems of the command; `file` is where rules come from."""
    from local.backtest.steps import CannotPlay
    from local.services.engine.learners import BadParameter
    from retrain.errors import BadConfiguration, BadRequest, NotFound

    try:
        yield
    except BadConfiguration as error:
        where = f"{file}: " if file else ""
        raise Problem(where + str(error).splitlines()[0].rstrip(":"), details=error.problems) from error
    except (CannotPlay, BadParameter) as error:
        raise Usage(str(error)) from error
    except (BadRequest, NotFound) as error:
        raise Problem(str(error)) from error


def _text(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{what} {file} cannot be read: {error}") from error


def _configured(models: Path | None, target: str) -> Configured:
    """The model of this name, or `name:key`. Raises BadConfiguration, BadRequest, NotFound, Usage."""
    from retrain.configuration import read
    from retrain.errors import NotFound
    from shared.wiring import ENDPOINTS, TRAINERS

    if models is None:
        raise Usage("name the file with the models: --models models.toml, or RETRAIN_MODELS_FILE")
    found = read(_text(models, "--models"), trainers=TRAINERS, endpoints=ENDPOINTS)
    name, _, key = target.partition(":")
    if name not in found:
        raise NotFound(f"{models} has no model {name!r}; it has {', '.join(sorted(found))}")
    return found[name].at(key)


def _other(gate: Path | None, model: Configured) -> Configured | None:
    """The model with the other rules. Raises BadConfiguration, Usage."""
    from retrain.configuration import overlaid
    from shared.wiring import ENDPOINTS, TRAINERS

    if gate is None:
        return None
    return overlaid(_text(gate, "--gate"), model, trainers=TRAINERS, endpoints=ENDPOINTS)


def _play(model: Configured, other: Configured | None, files: list[Path], chosen: Chosen) -> Replay:
    from local.backtest.steps import read_steps

    steps = read_steps(files, model.time, chosen.truth)  # before what takes seconds to load
    from local.backtest.learners import engine_learner
    from local.backtest.replay import play

    learner = engine_learner(model, chosen.learner, chosen.parameters)
    note(f"{len(steps)} files, {learner.name}; the order is {'by first day' if model.time else 'by name'}")
    return play(steps, model, learner, other=other, first=chosen.first)


def _report(replay: Replay) -> Json:
    from local.backtest.report import report

    return report(replay)


def _write(replay: Replay, report: Json, out: Path) -> dict[str, Path]:
    """Picture and report as files, by what they are. Raises Problem."""
    import json

    from local.backtest.picture import draw

    name = replay.model.replace(":", "-")
    files = {"picture": out / f"{name}.png", "report": out / f"{name}.json"}
    try:
        out.mkdir(parents=True, exist_ok=True)
        draw(replay, files["picture"])
        files["report"].write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Problem(f"--out {out}: {error.strerror}; name a folder that can be written to") from error
    return files


def _tell(report: Json) -> None:
    """The table of policies, then what each gate made of every batch."""
    better = "higher" if report["higherIsBetter"] else "lower"
    batches = report["batches"]
    say(f"{report['model']}: {len(batches)} batches, {batches[0]} to {batches[-1]}, {report['learner']}", "bold")
    say(f"MEAN is the {report['metric']} of the live model on the next batch ({better} is better), REGRET what it lost")
    say("against an oracle. RIGHT and WRONG: promotions that were better or worse by more than a standard error.")
    say()
    table(TITLES, [_row(course) for course in (*report["policies"], report["oracle"])])
    for course in report["policies"][NAIVE:]:
        heading(course["policy"].capitalize())
        table(("BATCH", "OUTCOME", "DATA", "AFTERWARDS", "WHY"), [_step(step) for step in course["steps"]], indent=2)


def _row(course: Json) -> tuple[str, ...]:
    relative = course["relativeRegret"]
    counts = [course[name] for name in ("promotions", "right", "wrong", "rolledBack", "quarantined", "crashed")]
    naive = course["policy"] in course["refusals"]
    refusals = "" if naive else ", ".join(f"{rule} {count}" for rule, count in course["refusals"].items())
    regret = "-" if relative is None else f"{relative:+.1%}"
    return (course["policy"], *(str(count) for count in counts), figure(course["mean"]), regret, refusals)


def _step(step: Json) -> tuple[str, ...]:
    seen = step["hindsight"]
    afterwards = f"{seen['candidateWas']} ({seen['gain']:+.4g} ± {seen['standardError'] or 0:.2g})" if seen else "-"
    back = f"rolled back first: {step['rolledBack']}; " if step["rolledBack"] else ""
    return step["batch"], step["outcome"], step["data"], afterwards, back + step["reason"]
