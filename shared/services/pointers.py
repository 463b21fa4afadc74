"""Pointer blobs: small JSON blobs in our own storage that name a model. Who reads them when is not decided here.

Schema: `{"model": "container/path", "sha256": hex, "updated": ISO 8601}`; members we do not know are kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from retrain.artifacts import read_through
from retrain.errors import BadConfiguration, Conflict, NotFound, Replaced, StaleRecord
from retrain.ports import Blobs
from retrain.run import Artifact

LARGEST = 64 * 1024  # bytes


class Pointer(msgspec.Struct, frozen=True):
    """A pointer as it was read, and its version; without etag there is none yet."""

    blob: str
    members: dict[str, Any] = {}
    etag: str = ""

    @property
    def model(self) -> str:
        """The model's blob, or nothing."""
        return str(self.members.get("model") or "")

    @property
    def sha256(self) -> str:
        """What that blob's bytes hash to; empty when whoever wrote the pointer did not say."""
        return str(self.members.get("sha256") or "")

    def names(self, artifact: Artifact) -> bool:
        """Whether it names this model."""
        return (self.model, self.sha256) == (artifact.blob, artifact.sha256)

    def renamed(self, artifact: Artifact) -> Pointer:
        """The same pointer, naming this model."""
        named = {"model": artifact.blob, "sha256": artifact.sha256, "updated": datetime.now(UTC).isoformat()}
        return msgspec.structs.replace(self, members={**self.members, **named})


def read(blobs: Blobs, blob: str) -> Pointer:
    """The pointer at this place; an empty one when there is none.

    Raises:
        BadConfiguration: what is there is no pointer. StaleRecord: it was changed while it was read.
    """
    try:
        info = blobs.head(blob)
        if info.size > LARGEST:
            raise BadConfiguration(f"{blob} has {info.size} bytes, so it is no pointer to a model; name another blob")
        return Pointer(blob, msgspec.json.decode(b"".join(blobs.open(blob, info.etag)), type=dict[str, Any]), info.etag)
    except NotFound:
        return Pointer(blob)
    except Replaced as error:
        raise StaleRecord(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{blob} is no pointer to a model ({error}); write a JSON object into it") from None


def named(blobs: Blobs, blob: str) -> Pointer:
    """The pointer at this place, which names a model. Raises NotFound, and what `read` raises."""
    pointer = read(blobs, blob)
    if pointer.model:
        return pointer
    raise NotFound(
        f"{blob} {'names no model' if pointer.etag else 'is not there'}; write the live model's name into it: "
        '{"model": "container/path.ilearner"}'
    )


def write(blobs: Blobs, pointer: Pointer) -> None:
    """Writes the pointer, if it is still the version that was read.

    Raises:
        StaleRecord: somebody else wrote it meanwhile; nothing was written.
    """
    data = msgspec.json.format(msgspec.json.encode(pointer.members))
    try:
        blobs.write(pointer.blob, data, only_new=not pointer.etag, etag=pointer.etag)
    except (Replaced, Conflict) as error:
        raise StaleRecord(f"{error}; somebody else wrote the pointer, so it is read again") from error


def check_bytes(blobs: Blobs, pointer: Pointer) -> None:
    """Makes sure that the model's bytes are those that the pointer was written for. Raises Conflict, NotFound."""
    found = read_through(blobs.open(pointer.model)).sha256
    if pointer.sha256 not in ("", found):
        raise Conflict(
            f"{pointer.blob} was written for {pointer.model} with sha256 {pointer.sha256[:16]}…, but its bytes have "
            f"{found[:16]}…: the file was replaced. Put it back, or promote a model anew"
        )
