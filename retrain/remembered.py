"""What later batches are judged by: the baseline and the trusted holdout, which the manifest of accepted data names.

A run writes both as they are once its own batch joins. Two runs decided at once, and a batch that was in doubt, are put
together here again. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from io import BytesIO

import msgspec
import numpy as np

from retrain import paths
from retrain.data import trusted
from retrain.data.baseline import Baseline, Known
from retrain.data.manifests import Manifest, Part, Segment
from retrain.data.rows import among, row_hashes
from retrain.data.values import U64
from retrain.errors import Conflict
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Run

ADOPTION = "adoption"
"""The segment of the rows that were given when the live model was adopted."""


@dataclass(frozen=True)
class Remembered:
    """The newest accepted batches, and the trusted holdout as a CSV, empty when there is none."""

    baseline: Baseline = field(default_factory=Baseline)
    trusted: bytes = b""
    segments: tuple[Segment, ...] = ()

    def joined_by(self, known: Known | None, holdout: bytes, run: str, model: Model) -> Remembered:
        """The same after a batch joined."""
        rules = model.holdout
        content, segments = trusted.age(
            self.trusted,
            self.segments,
            holdout,
            run,
            time=model.time,
            cap=rules.trusted_cap,
            decay=rules.trusted_decay,
        )
        return Remembered(self.baseline.extended(*([known] if known else [])), content, segments)

    @cached_property
    def hashes(self) -> dict[str, U64]:
        """The row hashes of each segment, by its run."""
        if not self.trusted:
            return {}
        found = row_hashes(BytesIO(self.trusted))
        ends = np.cumsum([segment.rows for segment in self.segments])
        return {
            segment.run: np.unique(found[end - segment.rows : end])
            for segment, end in zip(self.segments, ends.tolist(), strict=True)
        }


class HeldOut:
    """The hashes of all rows that must not be trained on, by the run whose batch they were held out of."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered = remembered
        self._by_run = dict(remembered.hashes)

    def add(self, run: str, holdout: bytes) -> None:
        """Rows of one more holdout."""
        more = row_hashes(BytesIO(holdout))
        self._by_run[run] = np.union1d(self._by_run.get(run, more), more)

    @property
    def hashes(self) -> U64:
        """All of them, ascending."""
        return _together(self._by_run.values())

    def clear(self, part: Part) -> bool:
        """Whether a train part surely has none of them: its batch is known row by row, and was split off its own."""
        known = self._remembered.baseline.of(part.run)
        if known is None or not known.complete:
            return False
        others = _together(hashes for run, hashes in self._by_run.items() if run != part.run)
        return not among(others, known.hashes).any()


def _together(parts: Iterable[U64]) -> U64:
    found = list(parts)
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)


def load(manifest: Manifest | None, ports: Ports) -> Remembered:
    """What a manifest of accepted data names."""
    if manifest is None:
        return Remembered()
    baseline = Baseline.from_bytes(ports.blobs.read(manifest.baseline)) if manifest.baseline else Baseline()
    content = ports.blobs.read(manifest.trusted) if manifest.trusted else b""
    return Remembered(baseline, content, manifest.segments)


def write(remembered: Remembered, folder: str, manifest: Manifest, ports: Ports) -> Manifest:
    """The manifest with what is to be remembered, written below a folder under names made of the content."""
    baseline = remembered.baseline.to_bytes() if remembered.baseline.batches else b""
    names = {
        "baseline": _written(f"{folder}/baseline", "arrow", baseline, ports),
        "trusted": _written(f"{folder}/trusted", "csv", remembered.trusted, ports),
    }
    return msgspec.structs.replace(manifest, segments=remembered.segments, **names)


def _written(stem: str, ending: str, content: bytes, ports: Ports) -> str:
    if not content:
        return ""
    blob = f"{stem}-{sha256(content).hexdigest()[:12]}.{ending}"
    with suppress(Conflict):  # another delivery wrote the same
        ports.blobs.write(blob, content, only_new=True)
    return blob


def merged(run: Run, recorded: Manifest, known: Manifest, joined: Manifest, model: Model, ports: Ports) -> Manifest:
    """`joined`, with what is remembered once the batch of `recorded`, a run's own manifest, joins `known` accepted
    data that is not the data it extended."""
    after = load(known, ports).joined_by(*_own(run.id, recorded, ports), run.id, model)
    return write(after, paths.folder(run), joined, ports)


def restarted(
    run: Run, doubted: Manifest, doubted_run: str, recorded: Manifest, known: Manifest | None, joined: Manifest,
    model: Model, ports: Ports,
) -> Manifest:  # fmt: skip
    """`joined`, once a run's batch confirmed one in doubt: both are known, and the trusted holdout begins with them."""
    before, rows = _own(doubted_run, doubted, ports)
    fresh = Remembered(load(known, ports).baseline).joined_by(before, rows, doubted_run, model)
    return write(fresh.joined_by(*_own(run.id, recorded, ports), run.id, model), paths.folder(run), joined, ports)


def _own(run: str, recorded: Manifest, ports: Ports) -> tuple[Known | None, bytes]:
    """What a run's own manifest tells of its batch, and its holdout."""
    baseline = Baseline.from_bytes(ports.blobs.read(recorded.baseline)) if recorded.baseline else Baseline()
    (holdout,) = [part for part in recorded.parts if part.run == run and part.kind == "holdout"]
    return baseline.of(run), ports.blobs.read(holdout.blob)
