"""What single values mean: none, a number, a time, or a text; and a 64-bit hash of that meaning, in arrays.

`1`, `1.0` and ` 1 ` are one number and have one hash; all spellings of none have one. A number that is written with
separators is one only in the `Style` that its column as a whole shows. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain.data.profile import EMPTY

Style = Literal["plain", "comma", "thousands"]
"""How a column writes numbers: `1234.5`; `1234,5` or `1.234,5`; `1,234.5`."""

U64 = NDArray[np.uint64]
Floats = NDArray[np.float64]

NONE = np.uint64(0x9E3779B97F4A7C15)  # the hash of no value
EXACT = 2.0**53  # whole numbers from here on have neighbours that are no float64
LONG = 128  # bytes of a text beyond which it is hashed by itself
_FIRST, _SECOND, _THIRD = (np.uint64(word) for word in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93))
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE = r"^[+-]?\d+$"
_DECIMAL_COMMA = r"^[+-]?(\d+,(\d{1,2}|\d{4,})|(0\d*|\d{4,}),\d{3}|\d{1,3}(\.\d{3})+,\d+)$"
DOTTED = r"^[+-]?\d{1,3}(\.\d{3})+$"
_GROUPED_BY_DOTS = r"^[+-]?\d{1,3}(\.\d{3})+,\d+$"
_THOUSANDS = r"^[+-]?[1-9]\d{0,2}((,\d{3}){2,}(\.\d*)?|,\d{3}\.\d*)$"
_EITHER = r"^[+-]?[1-9]\d{0,2},\d{3}$"
_ZONE = r"(Z|[+-]\d\d:?\d\d)$"
_LONGEST_NULL = max(map(len, EMPTY))
NULLS = pa.array(sorted({form for text in EMPTY for form in (text, text.upper(), text.title())} | {"NaN"}))


@dataclass(frozen=True)
class Meaning:
    """What each of some distinct texts means. numbers: NaN where the text is none; coerced: it was not plain."""

    null: NDArray[np.bool_]
    numbers: Floats
    coerced: NDArray[np.bool_]
    hashes: U64


def meaning(texts: pa.StringArray, style: Style = "plain") -> Meaning:
    """What distinct texts mean in a column of this style."""
    trimmed = pc.utf8_trim_whitespace(texts) if _spaced(texts) else texts
    null = _null(trimmed)
    plain = _plain(trimmed, style)
    numbers = _numbers(plain)
    places = np.flatnonzero(~np.isnan(numbers))
    coerced = np.zeros(len(texts), np.bool_)
    hashes = text_hashes(texts)
    if len(places):
        chosen = plain.take(pa.array(places))
        coerced[places] = ~_true(pc.equal(chosen, texts.take(pa.array(places))))
        hashes[places] = number_hashes(numbers[places], _residue(chosen, numbers[places]))
    hashes[null] = NONE
    return Meaning(null, numbers, coerced, hashes)


def _spaced(texts: pa.StringArray) -> bool:
    """Whether any text may have white space about it."""
    content = _parts(texts)[1]
    return bool(((content <= 32) | (content >= 128)).any())


def _null(trimmed: pa.StringArray) -> NDArray[np.bool_]:
    """Which texts spell no value."""
    null = np.diff(_parts(trimmed)[0]) <= _LONGEST_NULL
    places = np.flatnonzero(null)
    null[places] = _true(pc.is_in(pc.utf8_lower(trimmed.take(pa.array(places))), value_set=pa.array(sorted(EMPTY))))
    return null


def plain_numbers(texts: pa.StringArray, style: Style) -> pa.StringArray:
    """Texts of a column of numbers as plain numbers; what is none is left alone."""
    plain = _plain(pc.utf8_trim_whitespace(texts), style)
    number = pc.match_substring_regex(plain, _NUMBER)
    return pc.if_else(number, plain, texts)


def _plain(trimmed: pa.StringArray, style: Style) -> pa.StringArray:
    if style == "thousands":
        grouped = pc.match_substring_regex(trimmed, f"{_THOUSANDS}|{_EITHER}")
        return pc.if_else(grouped, pc.replace_substring(trimmed, ",", ""), trimmed)
    if style == "comma":
        decimal = pc.match_substring_regex(trimmed, f"{_DECIMAL_COMMA}|{_EITHER}|{DOTTED}")
        dotless = pc.replace_substring(trimmed, ".", "")
        return pc.if_else(decimal, pc.replace_substring(dotless, ",", "."), trimmed)
    return trimmed


def _numbers(plain: pa.StringArray) -> Floats:
    """The finite numbers that plain texts spell, NaN for the rest."""
    numbers = np.full(len(plain), np.nan)
    places = np.flatnonzero(_starts_like_a_number(plain))
    if len(places):
        chosen = plain.take(pa.array(places))
        spelled = _true(pc.match_substring_regex(chosen, _NUMBER))
        places = places[spelled]
        values = pc.cast(chosen.filter(pa.array(spelled)), pa.float64()).to_numpy(zero_copy_only=False)
        numbers[places] = np.where(np.isfinite(values), values, np.nan)
    return numbers


def _starts_like_a_number(texts: pa.StringArray) -> NDArray[np.bool_]:
    offsets, data = _parts(texts)
    starts, long = offsets[:-1], offsets[1:] > offsets[:-1]
    first = np.zeros(len(starts), np.uint8)
    first[long] = data[starts[long]]
    return (first >= 48) & (first <= 57) | np.isin(first, np.frombuffer(b"+-.", np.uint8))


def _residue(plain: pa.StringArray, numbers: Floats) -> U64:
    """What a float64 loses of large whole numbers, so that neighbours do not become one."""
    residue = np.zeros(len(numbers), np.uint64)
    for place in np.flatnonzero(np.abs(numbers) >= EXACT):
        text = plain[int(place)].as_py()
        if text.lstrip("+-").isdecimal():
            residue[place] = np.uint64((int(text) - int(numbers[place])) % (1 << 64))
    return residue


def whole_residue(values: NDArray[np.int64], numbers: Floats) -> U64 | None:
    """As `_residue`, for whole numbers in 64 bits; None when nothing is lost."""
    if not len(values) or max(abs(int(values.min())), abs(int(values.max()))) < EXACT:
        return None
    numbers = np.nan_to_num(numbers)
    unsigned = np.where(numbers >= 2.0**63, np.uint64(1 << 63), numbers.clip(max=2.0**63 - 1024).astype(np.int64))
    return values.view(np.uint64) - unsigned.astype(np.uint64)


def number_hashes(numbers: Floats, residue: U64 | None = None, holes: bool = True) -> U64:
    """The hash of each number; NaN, of which there are some only with `holes`, is no value."""
    hashes: U64 = (numbers + 0.0).view(np.uint64)
    if residue is not None:
        hashes ^= residue * _THIRD
    _blend(hashes)
    if holes:
        hashes[np.isnan(numbers)] = NONE
    return hashes


def _blend(words: U64) -> U64:
    """Spreads every bit over the word, in place; room for another pass."""
    shifted: U64 = words >> np.uint64(32)
    words ^= shifted
    words *= _FIRST
    np.right_shift(words, np.uint64(29), out=shifted)
    words ^= shifted
    return shifted


def stir(words: U64) -> None:
    """Spreads every bit over the word, in place, well enough to choose rows by it."""
    shifted = _blend(words)
    words *= _SECOND
    np.right_shift(words, np.uint64(32), out=shifted)
    words ^= shifted


def text_hashes(texts: pa.StringArray) -> U64:
    """The hash of each text's bytes: eight at a time for all texts that are so long; long ones by themselves."""
    offsets, data = _parts(texts)
    starts, lengths = offsets[:-1].astype(np.int64), np.diff(offsets).astype(np.int64)
    hashes: U64 = lengths.astype(np.uint64) * _THIRD
    words = np.ndarray(len(data) + 1, "<u8", np.concatenate([data, np.zeros(8, np.uint8)]).tobytes(), strides=(1,))
    longest = min(int(lengths.max(initial=0)), LONG)
    alive = np.arange(len(lengths))
    for at in range(0, longest, 8):
        alive = alive[lengths[alive] > at]
        left = np.minimum(lengths[alive] - at, 8).astype(np.uint64)
        word = words[starts[alive] + at] & (np.uint64(0xFFFFFFFFFFFFFFFF) >> (np.uint64(64) - left * np.uint64(8)))
        mixed = (hashes[alive] ^ word) * _FIRST
        mixed ^= mixed >> np.uint64(31)
        hashes[alive] = mixed
    for place in np.flatnonzero(lengths > LONG):
        whole = data[starts[place] : starts[place] + lengths[place]].tobytes()
        hashes[place] = int.from_bytes(blake2b(whole, digest_size=8).digest(), "little")
    _blend(hashes)
    return hashes


def salt(name: str) -> np.uint64:
    """The odd factor of a column, by its name, so that the order of columns does not matter."""
    return np.uint64(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") | 1)


def times(texts: pa.StringArray) -> NDArray[np.int64] | None:
    """ISO dates and datetimes in microseconds of their own clock; None when any is neither."""
    try:
        return _cast_times(texts)
    except pa.ArrowInvalid:
        pass
    try:
        return _cast_times(pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), _ZONE, ""))
    except pa.ArrowInvalid:
        return None


def each_time(texts: Iterable[str | None]) -> NDArray[np.datetime64]:
    """As `times`, one by one, for columns in which some are neither: those are NaT."""
    found = (_time(text or "") for text in texts)
    return np.array([None if each is None else np.datetime64(each, "us") for each in found], "datetime64[us]")


def _cast_times(texts: pa.StringArray) -> NDArray[np.int64]:
    cast = pc.cast(texts, pa.timestamp("us")).cast(pa.int64())
    return np.asarray(cast.to_numpy(zero_copy_only=False))


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None


def style_of(texts: pa.StringArray) -> dict[str, int]:
    """How many of some distinct texts, none of them a plain number, speak for which style."""
    forms = {
        "comma": _DECIMAL_COMMA,
        "grouped": _GROUPED_BY_DOTS,
        "thousands": _THOUSANDS,
        "either": _EITHER,
    }
    return {name: int(pc.sum(pc.match_substring_regex(texts, form)).as_py() or 0) for name, form in forms.items()}


def _parts(texts: pa.StringArray) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The offsets and bytes behind an array of texts. A null is as long as nothing."""
    _, offsets, data = texts.buffers()
    held = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return held, np.frombuffer(data if data is not None and data.size else b"", np.uint8)


def _true(mask: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(mask, False).to_numpy(zero_copy_only=False), dtype=np.bool_)
