"""Artifacts: files that a run leaves, kept in the workspaces' storage under `azureml/ExperimentRun/dcid.{run id}/`."""

from local.services.engine.blobs import ARTIFACTS
from local.services.engine.engine import Engine
from local.services.engine.records import BlobReference

ORIGIN = "ExperimentRun"
LOGS = "logs/azureml/"
"""Paths of a step's logs begin so."""


def container(run: str) -> str:
    """The data container of a run."""
    return f"dcid.{run}"


def reference(engine: Engine, run: str, path: str) -> BlobReference:
    """Where the artifact is."""
    return engine.blobs.own_reference(f"{ORIGIN}/{container(run)}/{path}", ARTIFACTS)


async def keep(engine: Engine, run: str, kept: dict[str, int], path: str, content: bytes) -> None:
    """Writes an artifact of a run and notes it in `kept`, which whoever has the run saves. Raises: Unreachable."""
    await engine.blobs.write(reference(engine, run, path), content)
    kept[path] = len(content)


def address(engine: Engine, run: str, path: str) -> str:
    """A URL with a fresh read-only SAS."""
    found = engine.blobs.result(reference(engine, run, path), engine.switches["artifactSasLifetime"])
    return f"{found.base_location}{found.relative_location}{found.sas_blob_token}"
