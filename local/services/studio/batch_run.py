"""What a batch job does: fetch its input, train or score in a worker, write its outputs."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from local.services.engine.blobs import Unreachable
from local.services.engine.records import BlobReference
from local.services.engine.tasks import Task
from local.services.studio.batch import URI
from local.services.studio.jobs import JobFailed
from local.services.studio.records import Endpoint, Job
from local.services.studio.studio import Studio

JOB = "runjob"
"""The operation by which faults of jobs are ordered."""


async def run(studio: Studio, job: Job) -> None:
    """Does the job. Raises: JobFailed."""
    endpoint = studio.store.find(Endpoint, job.endpoint)
    if endpoint is None:
        raise JobFailed("The web service endpoint of this job was deleted.")
    names = frozenset((endpoint.id, endpoint.name))
    fault = studio.faults.take(JOB, names)
    await asyncio.sleep(studio.switches["trainingDelay"] + (fault.delay if fault else 0))
    if fault and (fault.message or not fault.delay):
        raise JobFailed(fault.message or "Injected fault.")
    with TemporaryDirectory(dir=studio.work) as folder:
        files = await _produce(studio, endpoint, job, Path(folder))
        await studio.holds.wait(job.id, names)
        for name, file in files.items():
            await _write(studio, name, job.outputs[name], file)


async def _produce(studio: Studio, endpoint: Endpoint, job: Job, folder: Path) -> dict[str, Path]:
    data = folder / "data"
    location = await _fetch(studio, job, data)
    files = {port.name: folder / f"{port.name}{_extension(job, port.name)}" for port in endpoint.graph.outputs}
    of_kind = {port.kind: files[port.name] for port in endpoint.graph.outputs}
    make = _training if endpoint.graph.kind == "training" else _scoring
    reply = await studio.engine.do(make(studio, endpoint, job, str(data), location, of_kind, folder))
    if reply.error:
        raise JobFailed(reply.error)
    return files


def _extension(job: Job, output: str) -> str:
    return Path(job.outputs[output].relative_location or "").suffix.lower()


async def _fetch(studio: Studio, job: Job, path: Path) -> str:
    try:
        if URI in job.parameters:
            await studio.blobs.fetch_url(job.parameters[URI], path)
            return job.parameters[URI].partition("?")[0]
        reference = next(iter(job.inputs.values()))
        await studio.blobs.fetch(reference, path)
    except Unreachable as failed:
        shown = next(iter(job.inputs.values())).relative_location if job.inputs else _plain(job.parameters[URI])
        raise JobFailed(
            f"Unable to access the provided Azure blob - {shown}.  Azure error message: {failed}."
        ) from failed
    return reference.relative_location or ""


def _plain(url: str) -> str:
    return url.partition("?")[0]  # without its SAS


def _training(
    studio: Studio, endpoint: Endpoint, job: Job, data: str, location: str, files: Mapping[str, Path], folder: Path
) -> Task:
    return Task(
        data=data,
        location=location,
        output=str(files.get("model", folder / "unused.ilearner")),
        evaluation=str(files.get("evaluation", folder / "unused.csv")),
        holdout=str(files.get("holdout", "")),
        task=endpoint.graph.task,
        parameters={name: value for name, value in job.parameters.items() if name != URI},
    )


def _scoring(
    studio: Studio, endpoint: Endpoint, job: Job, data: str, location: str, files: Mapping[str, Path], folder: Path
) -> Task:
    sha = endpoint.resources[0].live(time.time())
    models = str(studio.model_files.path(sha).parent)
    return Task(data=data, location=location, output=str(files["scores"]), model=sha, models=models)


async def _write(studio: Studio, name: str, reference: BlobReference, file: Path) -> None:
    try:
        await studio.blobs.write(reference, file.read_bytes())
    except Unreachable as failed:
        where = reference.relative_location
        raise JobFailed(f"Unable to write output {name} to blob {where}.  Azure error message: {failed}.") from failed
