"""Reads a column's blocks of texts as what they mean: plain numbers in one go, anything else by its distinct texts.

What is counted of it is in `columns`. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain.data import values
from retrain.data.values import U64, Floats, Meaning, Style

_FEW = 1_000  # so many distinct texts are no sign that a column does not repeat itself


@dataclass(frozen=True)
class Numbers:
    """A block of plain numbers. parsed: null where there is none; floats: the same, NaN where there is none."""

    parsed: pa.Array
    floats: Floats
    hashes: U64

    @property
    def there(self) -> Floats:
        """Those that are numbers."""
        return self.floats[~np.isnan(self.floats)] if self.parsed.null_count else self.floats


@dataclass(frozen=True)
class Texts:
    """A block by its distinct texts: `codes` of each row into them, and what each means. A column that has shown that
    it hardly repeats itself gives all its texts."""

    codes: NDArray[np.int32]
    texts: pa.StringArray
    meaning: Meaning
    hashes: U64


class Typed:
    """Takes a column in blocks. `typed` lets blocks of plain numbers be parsed without looking at each text.

    The hash of a value is the same whichever way it was read; it has the column's own factor, made of its name.
    """

    def __init__(self, name: str, style: Style = "plain", *, typed: bool = True) -> None:
        self.name, self.style = name, style
        self._type = pa.int64() if typed and style == "plain" else None
        self._holes = self._scattered = False
        self._salt = values.salt(name)

    def take(self, texts: pa.StringArray) -> Numbers | Texts:
        """A block of texts, nulls spelled as they came."""
        return self._numbers(texts) or self._texts(texts)

    def _numbers(self, texts: pa.StringArray) -> Numbers | None:
        """The block as numbers, by the type that served so far; a column that has other texts is not tried again."""
        while self._type is not None:
            parsed = self._cast(texts)
            if parsed is not None:
                return self._fitting(parsed)
            self._type = pa.float64() if pa.types.is_integer(self._type) else None
        return None

    def _fitting(self, parsed: pa.Array) -> Numbers | None:
        """The numbers, unless float64 may have lost some of their digits: then each text is looked at."""
        floats = parsed.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        if pa.types.is_integer(parsed.type):
            whole = (parsed.fill_null(0) if parsed.null_count else parsed).to_numpy(zero_copy_only=False)
            residue = values.whole_residue(whole, floats)
        else:
            residue = None
            if not _exact(floats):
                return None
        return Numbers(parsed, floats, self._salted(values.number_hashes(floats, residue, parsed.null_count > 0)))

    def _texts(self, column: pa.StringArray) -> Texts:
        if self._scattered:
            meaning = values.meaning(column, self.style)
            return Texts(np.arange(len(column), dtype=np.int32), column, meaning, self._salted(meaning.hashes))
        coded = column.dictionary_encode()
        meaning = values.meaning(coded.dictionary, self.style)
        codes = coded.indices.to_numpy()
        self._scattered = len(coded.dictionary) > max(_FEW, len(column) // 2)
        return Texts(codes, coded.dictionary, meaning, self._salted(meaning.hashes)[codes])

    def _salted(self, hashes: U64) -> U64:
        return np.multiply(hashes, self._salt, out=hashes)

    def _cast(self, texts: pa.StringArray) -> pa.Array | None:
        """The texts as numbers, null where they spell none; None when there is anything else."""
        if not self._holes:
            try:
                return self._checked(pc.cast(texts, self._type), texts)
            except pa.ArrowInvalid:
                empty = _empty(texts)
                if empty is None:
                    return None
        else:
            empty = _empty(texts)
        try:
            there = texts if empty is None else pc.if_else(empty, pa.scalar(None, pa.string()), texts)
            parsed = self._checked(pc.cast(there, self._type), texts)
        except pa.ArrowInvalid:
            return None
        self._holes = True
        return parsed

    def _checked(self, parsed: pa.Array, texts: pa.StringArray) -> pa.Array | None:
        """pyarrow reads `nan` as a number and `0x10` as 16; nobody who writes tables means that."""
        if pa.types.is_integer(parsed.type):
            return None if _has(texts, b"xX") else parsed
        if _has(texts, b"nN"):
            return pc.if_else(pc.is_nan(parsed), pa.scalar(None, pa.float64()), parsed)
        return parsed


def _exact(floats: Floats) -> bool:
    """Whether all are finite and so small that whole numbers are exact; NaN stands for none."""
    if not len(floats):
        return True
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduce(floats), np.fmax.reduce(floats)
    return not (low <= -values.EXACT or high >= values.EXACT)


def _empty(texts: pa.StringArray) -> pa.Array | None:
    """Which texts spell no value; None when none does."""
    empty = pc.is_in(texts, value_set=values.NULLS)
    return empty if pc.any(empty, min_count=0).as_py() else None


def _has(texts: pa.StringArray, marks: bytes) -> bool:
    """Whether any of the texts has one of these characters."""
    data = texts.buffers()[2]
    content = b"" if data is None else data.to_pybytes()
    return any(mark in content for mark in marks)
