"""Doing one command job: what it reads is brought here, its program runs, what it made is written, its log kept."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from local.services.azureml.artifacts import keep as keep_artifact
from local.services.azureml.control import commands, staging
from local.services.azureml.control.bindings import Given, Wanted, given, wanted
from local.services.azureml.control.locations import default_output
from local.services.azureml.control.programs import FILES, PROGRAMS, Bench, extensions
from local.services.azureml.control.records import MlJob
from local.services.azureml.control.staging import JobFailed
from local.services.azureml.records import MlWorkspace
from local.services.engine.blobs import Unreachable
from local.services.engine.engine import Engine

JOB = "runmljob"
"""The operation by which faults of jobs are ordered; the endpoint is a job's name, experiment, endpoint or step."""
LOG = "user_logs/std_log.txt"


def inputs_of(job: MlJob) -> dict[str, Given]:
    """The inputs that are given."""
    found = {name: given(one) for name, one in (job.properties.get("inputs") or {}).items()}
    return {name: one for name, one in found.items() if one is not None}


def outputs_of(job: MlJob) -> dict[str, Wanted]:
    """The outputs that are wanted."""
    return {name: wanted(one) for name, one in (job.properties.get("outputs") or {}).items()}


def targets(job: MlJob, outputs: dict[str, Wanted]) -> dict[str, str]:
    """Where each output goes."""
    return {name: one.uri or default_output(job.name, name) for name, one in outputs.items()}


def names_of(job: MlJob) -> frozenset[str]:
    """By what a job can be held and struck by faults."""
    return frozenset(filter(None, (job.name, job.experiment, job.endpoint, job.deployment, job.step)))


async def strike(engine: Engine, job: MlJob) -> None:
    """Waits as long as it was told to; a fault may be waiting for this job. Raises: JobFailed."""
    fault = engine.faults.take(JOB, names_of(job))
    await asyncio.sleep(engine.switches["jobDelay"] + (fault.delay if fault else 0))
    if fault and (fault.message or not fault.delay):
        raise JobFailed(fault.message or "Injected fault.")


async def do(engine: Engine, workspace: MlWorkspace, job: MlJob) -> None:
    """Runs the job's command. Raises: JobFailed."""
    with TemporaryDirectory(dir=engine.work) as folder:
        try:
            await strike(engine, job)
            await _do(engine, workspace, job, Path(folder))
        except JobFailed as failed:
            job.said += f"{failed}\n"
            raise
        finally:
            await _keep_log(engine, job)


async def _do(engine: Engine, workspace: MlWorkspace, job: MlJob, folder: Path) -> None:
    inputs, outputs = inputs_of(job), outputs_of(job)
    try:
        command = commands.read(str(job.properties["command"]), inputs, outputs)
    except commands.BadCommand as wrong:
        raise JobFailed(str(wrong)) from wrong
    job.said += f"{job.properties['command']}\n"
    if command.program not in PROGRAMS:
        raise JobFailed(
            f"{command.program} is not run: code of jobs is kept and not executed here. "
            f"The programs of this machine are {', '.join(PROGRAMS)}."
        )
    staged = {
        option: await _staged(engine, workspace, folder, option, name, inputs[name])
        for option, name in command.inputs.items()
    }
    bench = Bench(engine, folder, command.texts, staged, command.outputs)
    try:
        await PROGRAMS[command.program](bench)
    finally:
        job.said, job.metrics = job.said + bench.said, bench.metrics
    await engine.holds.wait(job.name, names_of(job))
    for option, name in command.outputs.items():
        await _keep(engine, workspace, job, bench, option, name, outputs[name])


async def _staged(
    engine: Engine, workspace: MlWorkspace, folder: Path, option: str, name: str, one: Given
) -> staging.Staged:
    return await staging.fetch(engine, workspace, name, one.value, extensions(option), folder / f"in-{option}")


async def _keep(
    engine: Engine, workspace: MlWorkspace, job: MlJob, bench: Bench, option: str, name: str, one: Wanted
) -> None:
    if option not in FILES or not bench.output(option).exists():
        raise JobFailed(f"Output {name}: the program writes nothing to --{option}.")
    uri = staging.placed(one, job.outputs[name], FILES[option])
    content = bench.output(option).read_bytes()
    await staging.keep(engine, workspace, name, uri, content, overwrite=job.endpoint is None)


async def _keep_log(engine: Engine, job: MlJob) -> None:
    try:
        await keep_artifact(engine, job.name, job.artifacts, LOG, job.said.encode())
    except Unreachable as failed:
        job.said += f"The log could not be kept: {failed}\n"
