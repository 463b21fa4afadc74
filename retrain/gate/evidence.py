"""What a decision was made from, row by row, as bytes: to judge it again, with the same rules or with others.

An archive of numpy arrays (.npz, no pickles) with a head in JSON. The same evidence gives the same bytes, and judging
it gives the same decision as before, to the last digit. Where it is kept is not known here.
"""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import numpy as np

from retrain.gate.cases import Case, Trial
from retrain.gate.decision import Decision, ModelId
from retrain.gate.judging import decide
from retrain.gate.rules import GateRules
from retrain.gate.slices import coded
from retrain.gate.table import Coded, Hearing, HoldoutKind, ScoreTable

VERSION = 1
Arrays = dict[str, "np.typing.NDArray[Any]"]


class _Table(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A table but for its arrays. `slices` holds each column's names."""

    holdout: HoldoutKind
    unit: str
    champion: bool
    blocks: bool
    slices: dict[str, tuple[str, ...]]


class _Head(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    v: int
    candidate: ModelId
    champion: ModelId | None
    doubts: int
    warned: tuple[str, ...]
    uses: int
    unscored: str
    tables: tuple[_Table, ...]
    apart: bool = False


@dataclass(frozen=True)
class Evidence:
    """A hearing and the models it was about."""

    hearing: Hearing
    champion: ModelId | None
    candidate: ModelId

    def to_bytes(self) -> bytes:
        """As it is kept. Columns that are no lists of numbers are kept empty, which judges the same."""
        trial = Trial.of(self.hearing, self.champion, self.candidate)
        arrays: Arrays = {"head": np.frombuffer(msgspec.json.encode(_head(trial)), dtype=np.uint8)}
        for case in trial.cases:
            arrays |= _arrays(case)
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **cast("dict[str, Any]", arrays))
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Evidence":
        """Reads what `to_bytes` wrote.

        Raises:
            ValueError: it is something else, or of a later version.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                head = msgspec.json.decode(arrays["head"].tobytes(), type=_Head)
                tables = {table.holdout: _read(table, arrays) for table in head.tables}
        except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"these {len(content)} bytes are no evidence of a decision: {error}") from error
        if head.v != VERSION or "fresh" not in tables:
            raise ValueError(f"this evidence is of version {head.v}; version {VERSION} can be read")
        hearing = Hearing(
            fresh=tables["fresh"],
            trusted=tables.get("trusted"),
            doubted=tables.get("doubted"),
            doubts=head.doubts,
            apart=head.apart,
            warned=head.warned,
            uses=head.uses,
            unscored=head.unscored,
        )
        return cls(hearing, head.champion, head.candidate)


def rejudge(rules: GateRules, stored: bytes) -> Decision:
    """What these rules say of a candidate that was judged before.

    Raises:
        ValueError: `stored` is no evidence.
    """
    evidence = Evidence.from_bytes(stored)
    return decide(rules, evidence.hearing, evidence.champion, evidence.candidate)


def _head(trial: Trial) -> _Head:
    hearing = trial.hearing
    return _Head(
        v=VERSION,
        candidate=trial.candidate,
        champion=trial.champion,
        doubts=hearing.doubts,
        warned=hearing.warned,
        uses=hearing.uses,
        unscored=hearing.unscored,
        tables=tuple(_table(case) for case in trial.cases),
        apart=hearing.apart,
    )


def _table(case: Case) -> _Table:
    return _Table(
        holdout=case.holdout,
        unit=case.unit,
        champion=case.champion is not None,
        blocks=case.blocks is not None,
        slices={column: coded(values).names for column, values in case.slices.items()},
    )


def _arrays(case: Case) -> Arrays:
    found: dict[str, Any] = {"labels": case.labels, "candidate": case.candidate, "champion": case.champion}
    found["blocks"] = case.blocks
    for number, values in enumerate(case.slices.values()):
        found[f"slice{number}"] = np.asarray(coded(values).codes, dtype=np.int32)
    return {f"{case.holdout}.{name}": array for name, array in found.items() if array is not None}


def _read(table: _Table, arrays: Any) -> ScoreTable:
    def column(name: str) -> "np.typing.NDArray[Any]":
        return cast("np.typing.NDArray[Any]", arrays[f"{table.holdout}.{name}"])

    return ScoreTable(
        labels=column("labels"),
        candidate=column("candidate"),
        champion=column("champion") if table.champion else None,
        blocks=column("blocks") if table.blocks else None,
        unit=table.unit,
        holdout=table.holdout,
        slices={
            name: Coded(names, column(f"slice{number}")) for number, (name, names) in enumerate(table.slices.items())
        },
    )
