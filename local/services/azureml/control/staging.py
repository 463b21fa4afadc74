"""Bringing what a job reads onto this machine and what it made into storage: blobs, or folders of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from local.services.azureml.control.bindings import Wanted
from local.services.azureml.control.locations import NoSuchPlace, locate
from local.services.azureml.records import MlWorkspace
from local.services.engine.blobs import Unreachable
from local.services.engine.engine import Engine
from local.services.engine.records import BlobReference

TABLES, MODELS = (".csv", ".tsv"), (".ilearner",)


class JobFailed(Exception):
    """The job ends as Failed; the message tells its owner why."""


class Staged(NamedTuple):
    """A file on this machine, and the name that it had."""

    path: Path
    location: str


async def fetch(
    engine: Engine, workspace: MlWorkspace, name: str, uri: str, extensions: Sequence[str], path: Path
) -> Staged:
    """Copies what an input means: the blob, or the files of the folder with one of the extensions, as one table.

    Raises: JobFailed.
    """
    try:
        reference = locate(engine, workspace, uri)
        sources = await _sources(engine, reference, extensions)
        if not sources:
            raise JobFailed(f"Input {name}: there is no {' or '.join(extensions)} file in {shown(uri)}.")
        for number, source in enumerate(sources):
            part = path.with_suffix(f".{number}")
            await engine.blobs.fetch(source, part)
            _append(name, path, part)
    except (Unreachable, NoSuchPlace) as failed:
        raise JobFailed(f"Input {name}: unable to read {shown(uri)}: {failed}") from failed
    return Staged(path, sources[0].relative_location or "")


async def _sources(engine: Engine, reference: BlobReference, extensions: Sequence[str]) -> list[BlobReference]:
    where = reference.relative_location or ""
    if where.lower().endswith(tuple(extensions)):
        return [reference]
    found = await engine.blobs.names(reference)
    wanted = [name for name in found if name.lower().endswith(tuple(extensions))]
    return [msgspec.structs.replace(reference, relative_location=name) for name in sorted(wanted)]


def _append(name: str, whole: Path, part: Path) -> None:
    content = part.read_bytes()
    part.unlink()
    if not whole.exists():
        whole.write_bytes(content)
        return
    with whole.open("r+b") as file:
        header, _, rows = content.partition(b"\n")
        if file.readline().strip() != header.strip():
            raise JobFailed(f"Input {name}: the files of the folder do not have the same columns.")
        file.seek(-1, 2)
        ends = file.read(1) == b"\n"
        file.write(rows if ends else b"\n" + rows)


def placed(wanted: Wanted, uri: str, default: str) -> str:
    """The URI of the file that an output is: itself where it names a file, else one of that name in its folder."""
    is_file = wanted.type == "uri_file" and not uri.endswith("/")
    return uri if is_file or uri.lower().endswith((*TABLES, *MODELS)) else f"{uri.rstrip('/')}/{default}"


async def keep(engine: Engine, workspace: MlWorkspace, name: str, uri: str, content: bytes, *, overwrite: bool) -> None:
    """Writes an output. Raises: JobFailed, also for one that is there and must not be overwritten."""
    try:
        reference = locate(engine, workspace, uri)
        if not overwrite and await engine.blobs.exists(reference):
            raise JobFailed(f"Output {name}: {shown(uri)} exists already; a batch job does not overwrite it.")
        await engine.blobs.write(reference, content)
    except (Unreachable, NoSuchPlace) as failed:
        raise JobFailed(f"Output {name}: unable to write {shown(uri)}: {failed}") from failed


def shown(uri: str) -> str:
    """The URI without what may be secret in it."""
    return uri.partition("?")[0]
