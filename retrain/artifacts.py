"""Models as we keep them: blobs whose bytes were hashed while they passed through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from retrain.errors import BadRequest, Conflict
from retrain.ports import Ports
from retrain.run import Artifact


class Hashed:
    """Blocks that are counted and hashed as they pass; what they came to is told once they did.

    Iterating raises BadRequest when there are more than `most` bytes.
    """

    def __init__(self, blocks: Iterable[bytes], most: int | None = None) -> None:
        self._blocks, self._most, self._digest = blocks, most, sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.size += len(block)
            if self._most is not None and self.size > self._most:
                raise BadRequest(f"the model is larger than {self._most >> 20} MB")
            self._digest.update(block)
            yield block

    @property
    def sha256(self) -> str:
        """Of what passed so far, as hex digits."""
        return self._digest.hexdigest()


def keep(blob: str, blocks: Iterable[bytes], ports: Ports) -> Artifact:
    """Writes a model there, in place of one that was there. Raises what the blocks raise."""
    return _written(blob, Hashed(blocks), ports, only_new=False)


def keep_first(blob: str, blocks: Iterable[bytes], ports: Ports, most: int) -> Artifact:
    """Writes a model there, unless there is one: then it is that one. Raises BadRequest for more than `most` bytes."""
    try:
        return _written(blob, Hashed(blocks, most), ports, only_new=True)
    except Conflict:
        return look_at(blob, ports)


def _written(blob: str, passed: Hashed, ports: Ports, *, only_new: bool) -> Artifact:
    ports.blobs.write(blob, iter(passed), only_new=only_new)
    return Artifact(blob=blob, sha256=passed.sha256, size=passed.size)


def look_at(blob: str, ports: Ports) -> Artifact:
    """The model that lies there. Raises NotFound."""
    digest = read_through(ports.blobs.open(blob))
    return Artifact(blob=blob, sha256=digest.sha256, size=digest.size)


def read_through(blocks: Iterable[bytes]) -> Hashed:
    """What the blocks come to, once all have passed."""
    passed = Hashed(blocks)
    for _ in passed:
        pass
    return passed
