"""The programs that commands of jobs can start here: train.py, score.py, evaluate.py. The engine's workers do the work.

| program | reads | writes | other options |
|---|---|---|---|
| train.py | --data | --model, --evaluation, --holdout | --task, --label and every training parameter, as --l2-weight |
| score.py | --data, --model | --scores | |
| evaluate.py | --data, and a model for every other option | --scores | --label |
"""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from local.services.azureml.control.staging import MODELS, TABLES, JobFailed, Staged
from local.services.engine import learners
from local.services.engine.engine import Engine
from local.services.engine.store import Files
from local.services.engine.tasks import Reply, Task

FILES = {"model": "model.ilearner", "evaluation": "evaluation.csv", "holdout": "holdout.csv", "scores": "scores.csv"}
"""The name that each output has in its folder."""
COMPARE = "local.services.azureml.control.comparing:compare"


class Bench:
    """One program at work: its options, what it reads, where it writes, what it says and logs."""

    def __init__(
        self, engine: Engine, folder: Path, texts: dict[str, str], inputs: dict[str, Staged], wanted: Collection[str]
    ):
        self.engine, self.folder, self.texts, self.inputs, self.wanted = engine, folder, texts, inputs, wanted
        self.said = ""
        self.metrics: dict[str, float] = {}

    def say(self, line: str) -> None:
        """A line of the job's log."""
        self.said += line + "\n"

    def input(self, option: str) -> Staged:
        """What the option reads. Raises: JobFailed."""
        if option not in self.inputs:
            raise JobFailed(f"--{option} is needed, and has to be an input of data or a model.")
        return self.inputs[option]

    def output(self, option: str) -> Path:
        """Where the program writes what the option names, whether it is kept or not."""
        return self.folder / FILES[option]

    async def do(self, task: Task) -> Reply:
        """Has a worker do it. Raises: JobFailed."""
        reply = await self.engine.do(task)
        if reply.error:
            raise JobFailed(reply.error)
        self.metrics |= {_metric(name): value for name, value in reply.metrics.items() if value is not None}
        return reply


def extensions(option: str) -> tuple[str, ...]:
    """Which files of a folder an option reads: all options but --data are models."""
    return TABLES if option == "data" else MODELS


def _metric(name: str) -> str:
    return name.lower().replace(" ", "_").replace("-", "_")


async def _train(bench: Bench) -> None:
    data, texts = bench.input("data"), dict(bench.texts)
    task, label = texts.pop("task", "regression"), texts.pop("label", "")
    if task not in learners.TASKS:
        raise JobFailed(f"--task is {task!r}; it can be {' or '.join(learners.TASKS)}.")
    known = {name.lower().replace(" ", "-"): name for name in learners.PARAMETERS}
    given = {known.get(name, name): value for name, value in texts.items()}
    try:
        values = learners.defaults(task, label, given.pop("Learner", None), given)
    except learners.BadParameter as wrong:
        raise JobFailed(f"{wrong}.") from wrong
    await bench.do(
        Task(
            data=str(data.path),
            location=data.location,
            output=str(bench.output("model")),
            evaluation=str(bench.output("evaluation")),
            holdout=str(bench.output("holdout")) if "holdout" in bench.wanted else "",
            task=task,
            parameters={name: value or "" for name, value in values.items()},
        )
    )
    bench.say(f"Trained {values['Learner']} for {label}: {bench.output('model').stat().st_size} bytes")


async def _score(bench: Bench) -> None:
    data, model = bench.input("data"), bench.input("model")
    files = Files(bench.folder / "models", MODELS[0])
    sha = files.keep(model.path.read_bytes())
    await bench.do(
        Task(
            data=str(data.path),
            location=data.location,
            output=str(bench.output("scores")),
            model=sha,
            models=str(files.path(sha).parent),
        )
    )
    bench.say(f"Scored {data.location} with {model.location}")


async def _evaluate(bench: Bench) -> None:
    data = bench.input("data")
    models = {option: str(staged.path) for option, staged in bench.inputs.items() if option != "data"}
    if not models:
        raise JobFailed("Name at least one model to evaluate, as in --candidate ${{inputs.candidate}}.")
    await bench.do(
        Task(
            data=str(data.path),
            location=data.location,
            output=str(bench.output("scores")),
            parameters=bench.texts,
            call=COMPARE,
            files=models,
        )
    )
    bench.say(f"Scored {data.location} with {', '.join(models)}")


PROGRAMS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "train.py": _train,
    "score.py": _score,
    "evaluate.py": _evaluate,
}
