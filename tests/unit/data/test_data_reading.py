"""A batch is read as a stream in blocks; what comes of it is what reading it row by row would give."""

import csv
import gzip
import io
import random
from collections import Counter
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.data import blocks, lowest
from retrain.data.labels import number
from retrain.data.profile import EMPTY, SplitSpec
from retrain.data.reading import read
from retrain.data.rows import row_hashes
from retrain.data.split import split, whole
from retrain.data.tables import BadData, encode

SPEC = SplitSpec(label="cnt", kind="regression")
FIELD = st.text(st.sampled_from('x1.,-"\n \réß'), max_size=5)
ROWS = st.lists(st.tuples(FIELD, FIELD, st.integers(-9, 9).map(str)), min_size=1, max_size=30)
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
ENDS = st.sampled_from(["\n", "\r\n"])


def written(rows, columns=("a", "b", "cnt"), quoting=csv.QUOTE_MINIMAL, end="\n"):
    into = io.StringIO(newline="")
    csv.writer(into, quoting=quoting, lineterminator=end).writerows([columns, *rows])
    return into.getvalue().encode()


def reading_of(content, spec=SPEC, **changes):
    return read(io.BytesIO(content), msgspec.structs.replace(spec, **changes), io.BytesIO)


def rows_of(content):
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def copied(content, **changes):
    into = io.BytesIO()
    whole(reading_of(content, **changes), into)
    return into.getvalue()


def meant(row):
    values = (None if field.strip().lower() in EMPTY else field for field in row)
    return tuple(field if field is None or number(field) is None else number(field) for field in values)


@settings(max_examples=200)
@given(ROWS, QUOTING, ENDS, st.sampled_from([1, 7, 64, 1 << 20]))
def test_rows_survive_blocks_of_any_size(rows, quoting, end, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks.Blocks.__init__, "__defaults__", (size,))
        try:
            content = copied(written(rows, quoting=quoting, end=end))
        except BadData as bad:
            assert "not CSV" in str(bad)  # a lone \r that Python 3.11 writes without quotes
            assert any("\r" in field for row in rows for field in row)
            return
    found, expected = rows_of(content)[1:], [list(row) for row in rows]
    assert [row[2] for row in found] == [row[2] for row in expected]
    assert list(map(meant, found)) == list(map(meant, expected))


@given(ROWS)
def test_rows_have_the_same_hash_only_when_they_mean_the_same(rows):
    clean = [[field.replace("\r", "") for field in row] for row in rows]
    hashes = row_hashes(io.BytesIO(written(clean)))
    assert len(set(hashes.tolist())) == len(set(map(meant, clean)))
    by_hash = dict(zip(hashes.tolist(), map(meant, clean), strict=True))
    assert [by_hash[value] for value in hashes.tolist()] == list(map(meant, clean))


@given(ROWS)
def test_the_order_of_columns_does_not_change_a_hash(rows):
    clean = [[field.replace("\r", "") for field in row] for row in rows]
    turned = written([row[::-1] for row in clean], ("cnt", "b", "a"))
    assert row_hashes(io.BytesIO(written(clean))).tolist() == row_hashes(io.BytesIO(turned)).tolist()


def test_large_whole_numbers_that_differ_have_different_hashes():
    rows = [(str(2**53 + n), "x", "1") for n in range(4)] + [("0.5", "x", "1")]
    assert len(set(row_hashes(io.BytesIO(written(rows))).tolist())) == 5
    alone = row_hashes(io.BytesIO(written(rows[:4])))
    assert alone.tolist() == row_hashes(io.BytesIO(written(rows)))[:4].tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("1", " 1"), ("-0", "0"), ("1e2", "100"), ("", "NA"), ("+3", "3"), (str(10**18), "1e18")],
)
def test_spellings_of_one_value_have_one_hash(one, other):
    together = row_hashes(io.BytesIO(written([(one, "x", "1"), (other, "x", "1")])))
    alone = row_hashes(io.BytesIO(written([(one, "x", "1")])))
    assert together.tolist() == alone.tolist() * 2


@pytest.mark.parametrize(("one", "other"), [("0x10", "16"), ("1_0", "10"), ("inf", "-inf"), ("a", "a "), ("1", "2")])
def test_different_values_have_different_hashes(one, other):
    first, second = row_hashes(io.BytesIO(written([(one, "x", "1"), (other, "x", "1")])))
    assert first != second


def test_hashes_of_a_million_rows_do_not_collide():
    content = b"a,b,cnt\n" + b"".join(b"%d,%d,%d\n" % (n % 1000, n // 1000, n % 7) for n in range(1_000_000))
    assert len(set(row_hashes(io.BytesIO(content)).tolist())) == 1_000_000


def table(**changes):
    columns = {
        "day": pa.array([datetime(2011, 1, 1 + n // 4, n % 24) for n in range(40)]),
        "temp": pa.array([None if n == 3 else n / 4 for n in range(40)]),
        "town": pa.array(["Köln, Rhein" if n % 2 else 'the "city"' for n in range(40)]),
        "holiday": pa.array([n % 2 == 0 for n in range(40)]),
        "cnt": pa.array(range(40)),
    }
    return pa.table({**columns, **changes})


def as_parquet(content):
    into = io.BytesIO()
    parquet.write_table(content, into, row_group_size=7)
    return into.getvalue()


def test_parquet_gives_the_rows_that_csv_gives():
    spec = SplitSpec(label="cnt", kind="regression", time="day")
    content = as_parquet(table())
    (header, *rows) = rows_of(copied(content, spec=spec))
    assert header == ["day", "temp", "town", "holiday", "cnt"]
    assert rows[3] == ["2011-01-01T03:00:00", "", "Köln, Rhein", "false", "3"]
    assert rows[6] == ["2011-01-02T06:00:00", "1.5", 'the "city"', "true", "6"]
    profile = reading_of(content, spec).profile
    assert (profile.rows, profile.form, profile.first_day, profile.last_day) == (
        40,
        "parquet",
        "2011-01-01",
        "2011-01-10",
    )
    assert profile.duplicates == 0


def test_gzip_gives_the_rows_that_csv_gives():
    content = written([(str(n), "x", str(n)) for n in range(50)])
    assert copied(gzip.compress(content)) == copied(content) == content
    assert reading_of(gzip.compress(content)).profile.form == "csv.gz"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"a,cnt\n" + b"1,2\n" * 5000)[:-20], "gzip'd file is damaged or cut short"),
        (b"PAR1" + b"x" * 50, "the Parquet file cannot be read"),
        (as_parquet(pa.table({"a": [[1], [2]], "cnt": [1, 2]})), "the column 'a' of the Parquet file is of type list"),
        (b"PK\x03\x04....", "ZIP archive"),
        ("a,cnt\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"", "the file is empty"),
    ],
    ids=["cut gzip", "no Parquet", "a list in Parquet", "ZIP", "UTF-16", "empty"],
)
def test_a_file_that_cannot_be_read_is_told_why(content, words):
    with pytest.raises(BadData) as caught:
        reading_of(content)
    assert words in str(caught.value)


QUOTE_EXPECTED = "',' expected after '\"'"


def test_broken_lines_of_all_kinds_are_all_reported_with_their_lines():
    content = b'a,b,cnt\n1,2,3\n1,2\n\n1,"2"x,3\n1,\xe9,3\n1,2,many\n1,2,3,4\n1,2,\n1,\xff,3\n'
    with pytest.raises(BadData) as caught:
        reading_of(content)
    assert caught.value.problems == [
        "the text is not UTF-8 (save the file as UTF-8) in 2 rows (line 6, 10), for example 'byte 0xe9 at position 3'",
        f"the line is not CSV in 1 row (line 5), for example {QUOTE_EXPECTED!r}",
        "the number of fields is not 3 in 2 rows (line 3, 8), for example '2 fields'",
        "the label 'cnt' is empty in 1 row (line 9)",
        "the label 'cnt' is not a number in 1 row (line 7), for example 'many'",
    ]


@settings(max_examples=30)
@given(st.integers(1, 60), st.sampled_from([1, 50, 1000]), st.booleans())
def test_a_broken_line_is_named_wherever_it_is(place, size, quoted):
    lines = [b'1,"two\nlines",3\n' if quoted and n % 9 == 0 else b"1,2,3\n" for n in range(60)]
    lines[place - 1] = b"1,2,x\n"
    number = 2 + sum(line.count(b"\n") for line in lines[: place - 1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks.Blocks.__init__, "__defaults__", (size,))
        with pytest.raises(BadData, match=f"line {number}\\)"):
            reading_of(b"a,b,cnt\n" + b"".join(lines))


def test_an_open_quote_does_not_swallow_the_file():
    content = b'a,b,cnt\n1,"2,3\n' + b"1,2,3\n" * 100_000
    with pytest.raises(BadData, match="the line is not CSV in 1 row \\(line 2\\)"):
        reading_of(content)


def test_inches_and_other_lone_quotes_are_text():
    content = b'a,b,cnt\n1,5" pipe,3\n2,"6"" pipe",4\n'
    assert rows_of(copied(content))[1:] == [["1", '5" pipe', "3"], ["2", '6" pipe', "4"]]


def test_lines_keep_their_bytes():
    content = b'a,b,cnt\n 1 x,"quoted",3\n01,1e3,4.50\n'
    assert copied(content) == content


@pytest.mark.parametrize(
    ("texts", "numbers", "quoted"),
    [
        (["3,5", "4", "1,250"], [3.5, 4, 1.25], 2),
        (["1.234,5", "2.000", "7"], [1234.5, 2000, 7], 2),
        (["1,234,567", "1,000", "2.5"], [1234567, 1000, 2.5], 2),
        ([" 3", "4 ", "5"], [3, 4, 5], 2),
    ],
)
def test_numbers_that_came_as_texts_are_coerced_and_counted(texts, numbers, quoted):
    content = written([(text, "x", str(n)) for n, text in enumerate(texts)])
    found = reading_of(content).profile.column("a")
    assert (found.kind, found.quoted) == ("number", quoted)
    assert (found.low, found.high) == (min(numbers), max(numbers))
    assert [float(row[0]) for row in rows_of(copied(content))[1:]] == numbers


@pytest.mark.parametrize(
    "texts", [["1,234", "2,500"], ["1,5", "2.5"], ["1,5", "1,234.5"], ["1,5", "x"], ["1.5.2", "2"]]
)
def test_what_is_ambiguous_is_left_alone(texts):
    content = written([(text, "x", str(n)) for n, text in enumerate(texts)])
    found = reading_of(content).profile.column("a")
    assert (found.kind, found.quoted) == ("category", 0)
    assert [row[0] for row in rows_of(copied(content))[1:]] == texts


def test_labels_with_decimal_commas_are_numbers():
    content = written([("1", "x", "2,5"), ("1", "y", "3,25")])
    found = reading_of(content)
    assert (found.profile.label.low, found.profile.label.high) == (2.5, 3.25)
    assert found.profile.notes == ("2 of 2 numbers of 'cnt' came as texts; they were made plain",)


def test_a_coerced_row_has_the_hash_of_the_row_that_is_written():
    content = written([("3,5", "x", "1"), ("4,25", "y", "2")])
    known = reading_of(content).known("r1")
    assert sorted(row_hashes(io.BytesIO(copied(content))).tolist()) == known.hashes.tolist()


NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=1, max_size=200)


@given(NUMBERS, st.sampled_from([16, 200, 1 << 20]))
def test_figures_of_a_column_are_exact(numbers, size):
    content = written([(str(value), "x" if n % 3 else "", str(n)) for n, value in enumerate(numbers)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks.Blocks.__init__, "__defaults__", (size,))
        profile = reading_of(content).profile
    found, other = profile.column("a"), profile.column("b")
    assert (found.low, found.high) == (min(numbers), max(numbers))
    assert found.mean == pytest.approx(np.mean(numbers), abs=1e-6)
    assert found.std == pytest.approx(np.std(numbers), abs=1e-6)
    assert found.distinct == (len(set(numbers)) if len(set(numbers)) <= 64 else None)
    assert other.nulls == len(range(0, len(numbers), 3))
    assert other.kind == ("category" if len(numbers) > 1 else "empty")


@given(st.lists(st.integers(0, 6), min_size=2, max_size=60))
def test_repeated_rows_are_counted_exactly(picks):
    content = written([(str(pick), "x", "1") for pick in picks])
    profile = reading_of(content).profile
    assert (profile.duplicates, profile.estimated) == (len(picks) - len(set(picks)), False)


def test_repeated_rows_of_a_very_large_batch_are_estimated(monkeypatch):
    monkeypatch.setattr(lowest, "COUNTED", 1000)
    picks = [random.Random(7).randrange(2000) for _ in range(1)] + [n % 2000 for n in range(4000)]
    profile = reading_of(written([(str(pick), "x", "1") for pick in picks])).profile
    assert profile.estimated
    assert abs(profile.duplicates - 2001) < 300


def test_times_are_recognised_and_their_disorder_counted():
    days = ["2011-01-02", "2011-01-01", "2011-01-03T07:30:00Z", "2011-01-02 12:00"]
    found = reading_of(written([(day, "x", "1") for day in days])).profile.column("a")
    assert (found.kind, found.first, found.last, found.disorder) == ("time", "2011-01-01", "2011-01-03T07:30:00", 2)


def test_categories_are_counted_and_many_texts_are_not():
    content = written([(str(n), "even" if n % 2 == 0 else "odd", str(n)) for n in range(101)])
    assert reading_of(content).profile.column("b").values == {"even": 51, "odd": 50}
    content = written([(f"u{n}", "x", "1") for n in range(65)])
    found = reading_of(content).profile.column("a")
    assert (found.kind, found.distinct, found.values) == ("text", None, {})


@given(st.permutations(range(60)))
def test_the_sample_does_not_depend_on_the_order_of_rows(order):
    rows = [(str(n), "" if n % 5 == 0 else f"t{n}", str(n)) for n in range(60)]
    straight, shuffled = (reading_of(written(some)).known("r") for some in (rows, [rows[place] for place in order]))
    assert straight.hashes.tolist() == shuffled.hashes.tolist()
    for name in ("a", "b"):
        assert straight.sample.columns[name].tolist() == shuffled.sample.columns[name].tolist()
    assert straight.sample.labels.tolist() == shuffled.sample.labels.tolist()


def test_a_sample_holds_the_rows_with_the_lowest_hashes(monkeypatch):
    monkeypatch.setattr(lowest, "SAMPLED", 10)
    monkeypatch.setattr(blocks.Blocks.__init__, "__defaults__", (64,))
    rows = [(str(n), "x", str(n)) for n in range(300)]
    hashes = row_hashes(io.BytesIO(written(rows)))
    sample = reading_of(written(rows)).sample
    assert sample.labels.tolist() == [float(rows[place][2]) for place in np.argsort(hashes)[:10]]


def test_labels_of_a_sample_are_0_and_1():
    spec = SplitSpec(label="income", kind="classification")
    content = encode(["a", "income"]) + b"".join(encode([str(n), "yes" if n < 3 else "no"]) for n in range(10))
    sample = reading_of(content, spec).sample
    assert Counter(sample.labels.tolist()) == {1.0: 3, 0.0: 7}
    assert set(sample.columns) == {"a"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=4, max_size=80))
def test_rows_that_other_holdouts_have_are_not_trained_on(rows):
    content = written([(str(a), "x", str(cnt)) for a, cnt in rows])
    held = row_hashes(io.BytesIO(written([("3", "x", "1"), ("4.0", "x", "2")])))
    train, holdout = io.BytesIO(), io.BytesIO()
    try:
        parted = split(reading_of(content), train, holdout, np.unique(held))
    except BadData:
        return
    trained, tested = (Counter(map(tuple, rows_of(part.getvalue())[1:])) for part in (train, holdout))
    assert not {("3", "x", "1"), ("4", "x", "2")} & trained.keys()
    assert parted.profile.unused_rows == len(rows) - trained.total() - tested.total()
