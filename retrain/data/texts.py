"""Columns of texts as CSV rows in canonical form, whole columns at a time. Importing this loads pyarrow."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_SPECIAL = '[,"\r\n]'


def as_text(column: pa.Array) -> pa.Array:
    """A `simple` column as texts, empty where null: numbers in their shortest form."""
    return pc.fill_null(column.cast(pa.string()), "")


def simple(column: pa.Array) -> pa.Array:
    """Any flat column as numbers, truths or texts: categories spelled out, times in ISO form."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        zone = "" if column.type.tz is None else "%z"
        column = pc.strftime(column, format=f"%Y-%m-%dT%H:%M:%S{zone}")
        column = pc.replace_substring_regex(column, r"\.0+([+-]\d+)?$", r"\1")
    return column


def csv_rows(columns: Sequence[pa.Array]) -> pa.Array:
    """One binary value a row: its fields with commas between and quotes where they are needed, and a line end."""
    fields = [quoted(column, alone=len(columns) == 1) for column in columns]
    rows = fields[0] if len(fields) == 1 else pc.binary_join_element_wise(*fields, ",")
    return pc.binary_join_element_wise(rows, "\n", "").cast(pa.binary())


def quoted(column: pa.Array, *, alone: bool = False) -> pa.Array:
    """Texts as they are written in CSV. `alone`: an empty field that is the whole row would be a blank line."""
    special = pc.match_substring_regex(column, pattern=f"^$|{_SPECIAL}" if alone else _SPECIAL)
    if not pc.any(special, min_count=0).as_py():
        return column
    enclosed = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
    return pc.if_else(special, enclosed, column)
