"""The record of what a run works with, and the move to `ready`: for data that were read and for those that were not."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from retrain import paths
from retrain.data.manifests import Manifest
from retrain.data.profile import BatchProfile
from retrain.data.quality.finding import Finding
from retrain.model import Model
from retrain.outcome import Outcome, go
from retrain.ports import Ports
from retrain.run import Data, Run, State

if TYPE_CHECKING:
    from retrain.remembered import Remembered


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What a run works with, as it is kept: its data, and the configuration as it was (it holds no secrets)."""

    manifest: Manifest
    configuration: Model
    profile: BatchProfile | None = None
    findings: tuple[Finding, ...] = ()
    data: Data | None = None


def ready(run: Run, data: Data, record: Recorded, fingerprint: str, ports: Ports) -> Outcome:
    """To `ready`, with the record written."""
    data = write(run, data, record, ports)
    why = f"{data.rows:,} rows to train on, {data.holdout_rows:,} held out"
    ready = go(run, State.READY, why, ports.now(), data=msgspec.structs.replace(data, fingerprint=fingerprint))
    return replace(ready, fingerprint=fingerprint)


def write(run: Run, data: Data, record: Recorded, ports: Ports) -> Data:
    """Writes the record under a name made of its content; the data with it."""
    content = msgspec.json.encode(msgspec.structs.replace(record, data=data))
    blob = paths.file(run, f"manifest-{sha256(content).hexdigest()[:12]}.json")
    ports.blobs.write(blob, content)
    return msgspec.structs.replace(data, manifest=blob)


def with_trusted(data: Data, accepted: Manifest | None, earlier: Remembered) -> Data:
    """The run is judged with the trusted holdout as it is before its own batch joins."""
    if accepted is None or not accepted.trusted:
        return data
    return msgspec.structs.replace(
        data,
        trusted=accepted.trusted,
        trusted_rows=sum(segment.rows for segment in earlier.segments),
        trusted_sha=sha256(earlier.trusted).hexdigest(),
    )


def fingerprint_of(run: Run, contents: list[str]) -> str:
    """The same content, parameters and configuration give the same fingerprint, however it came."""
    facts = [sorted(contents), sorted(run.parameters.items()), run.config, run.again]
    return sha256(msgspec.json.encode(facts)).hexdigest()[:32]
