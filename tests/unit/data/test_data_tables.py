"""What a CSV file may look like, and what is said about one that cannot be read."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.data.tables import LONGEST_LINE, BadData, Table, encode

FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
ROW = st.lists(FIELD, min_size=2, max_size=4)


def read(content):
    table = Table(io.BytesIO(content))
    return table.columns, list(table.rows())


def problem(content):
    with pytest.raises(BadData) as caught:
        read(content)
    return str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated():
    assert read(b"\xef\xbb\xbfa,b\r\n1,2\r\n") == (("a", "b"), [(2, ["1", "2"])])


def test_a_quoted_field_may_hold_commas_quotes_and_line_ends():
    assert read(b'a,b\n"x, ""y""\nz",2\n3,4\n') == (("a", "b"), [(2, ['x, "y"\nz', "2"]), (4, ["3", "4"])])


def test_blank_lines_are_left_out_but_counted_as_lines():
    assert read(b"a,b\n\n1,2\n\n\n")[1] == [(3, ["1", "2"])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"a,a,b\n", "names 'a' more than once"),
        (b"a,,b,\n", "no name for column 2, 4"),
        (b"a;b;c\n1;2;3\n", "separated by commas"),
        (b"a,b\n1,2\n3,\xe9\n", "line 3 is not UTF-8 (byte 0xe9 at position 3)"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08", "is gzip"),
        (b"PAR1....", "is Parquet"),
        (b'a,b\n1,"2\n', "line 2 is not CSV"),
        (b'a,b\n1,"2"x\n', "line 2 is not CSV"),
        (b"a,b\r1,2\r", "line 1 is not CSV"),
        (b"a,b\n" + b"x" * (LONGEST_LINE + 1), "line 2 is longer than"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_why(content, words):
    assert words in problem(content)


@given(st.lists(ROW, max_size=8))
def test_rows_survive_their_canonical_form(rows):
    content = b"".join(encode(row) for row in rows)
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == rows
