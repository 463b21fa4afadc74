"""The split loses nothing, invents nothing, and keeps every row and every day on one side."""

import gzip
import io
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.data.holdout import probe_indexes, read_holdout
from retrain.data.profile import SplitSpec
from retrain.data.reading import read
from retrain.data.split import split
from retrain.data.tables import BadData, encode

BIKES_FILE = Path(__file__).parents[3] / "data" / "bike_dc_hourly.csv.gz"
BY_DAY = SplitSpec(label="cnt", kind="regression", time="day")
BY_ROW = SplitSpec(label="cnt", kind="regression")
DATED = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=80)


def batch(rows):
    """(day of January, count) pairs as a CSV, `temp` holding a comma now and then."""
    lines = [
        ("day", "temp", "cnt"),
        *((f"2011-01-{day:02}", "warm, dry" if cnt == 2 else "1", str(cnt)) for day, cnt in rows),
    ]
    return b"".join(map(encode, lines))


def parted(content, spec):
    train, holdout = io.BytesIO(), io.BytesIO()
    profile = split(read(io.BytesIO(content), spec, io.BytesIO), train, holdout).profile
    return profile, train.getvalue().splitlines(), holdout.getvalue().splitlines()


def refused(content, spec):
    with pytest.raises(BadData) as caught:
        parted(content, spec)
    return str(caught.value)


@given(DATED, st.sampled_from([0.1, 0.3, 0.5]), st.sampled_from([3, 10, 1000]), st.booleans())
def test_a_split_loses_and_invents_nothing_and_puts_no_row_on_both_sides(rows, share, cap, dated):
    content = batch(rows)
    spec = msgspec.structs.replace(BY_DAY if dated else BY_ROW, share=share, cap=cap)
    try:
        profile, train, holdout = parted(content, spec)
    except BadData:
        return
    header, *lines = content.splitlines()
    assert train[0] == holdout[0] == header
    left = Counter(lines) - Counter(train[1:]) - Counter(holdout[1:])
    assert left.total() == profile.unused_rows
    assert Counter(train[1:]) + Counter(holdout[1:]) + left == Counter(lines)
    assert not set(train[1:]) & set(holdout[1:])
    assert (profile.train_rows, profile.holdout_rows) == (len(train) - 1, len(holdout) - 1)
    assert 1 <= profile.holdout_rows <= cap
    assert profile.train_rows >= 1
    assert profile.rows == len(rows)


@given(DATED, st.sampled_from([0.1, 0.3, 0.5]))
def test_the_holdout_is_the_newest_whole_days(rows, share):
    if len({day for day, _ in rows}) < 2:
        return
    profile, train, holdout = parted(batch(rows), msgspec.structs.replace(BY_DAY, share=share))
    train_days, holdout_days = ({line[:10].decode() for line in part[1:]} for part in (train, holdout))
    assert max(train_days) < min(holdout_days)
    assert holdout_days == set(profile.holdout_days)
    largest = max(Counter(day for day, _ in rows).values())
    assert abs(profile.holdout_rows - share * len(rows)) <= largest


@given(DATED)
def test_without_time_a_row_is_on_the_same_side_in_every_batch(rows):
    other = [(day, cnt) for day, cnt in rows if day % 2] + [(13, 1), (14, 2), (15, 3), (16, 0)]
    try:
        (_, one_train, one_holdout), (_, other_train, other_holdout) = (
            parted(batch(some), BY_ROW) for some in (rows, other)
        )
    except BadData:
        return
    assert not set(one_train[1:]) & set(other_holdout[1:])
    assert not set(other_train[1:]) & set(one_holdout[1:])


def test_a_newest_day_above_the_cap_is_sampled_and_its_other_rows_are_not_trained_on():
    content = batch([(1, n) for n in range(50)] + [(2, n) for n in range(50)])
    profile, train, holdout = parted(content, msgspec.structs.replace(BY_DAY, cap=20))
    assert (profile.train_rows, profile.holdout_rows, profile.unused_rows) == (50, 20, 30)
    assert all(line.startswith(b"2011-01-01") for line in train[1:])
    assert all(line.startswith(b"2011-01-02") for line in holdout[1:])


def test_a_cap_shortens_the_holdout_by_whole_days():
    content = batch([(day, n) for day in range(1, 11) for n in range(10)])
    profile, _, _ = parted(content, msgspec.structs.replace(BY_DAY, cap=25))
    assert profile.holdout_days == ("2011-01-09", "2011-01-10")


def test_repeated_rows_of_the_holdout_are_counted():
    profile, _, _ = parted(batch([(1, 1), (1, 2), (1, 3), (2, 1), (2, 1), (2, 1)]), BY_DAY)
    assert profile.duplicates == 2


def test_rows_are_split_in_the_accepted_order_of_columns():
    spec = msgspec.structs.replace(BY_DAY, columns=("day", "temp", "cnt"))
    _, train, holdout = parted(b"cnt,day,temp\n5,2011-01-01,1\n6,2011-01-02,2\n", spec)
    assert train == [b"day,temp,cnt", b"2011-01-01,1,5"]
    assert holdout == [b"day,temp,cnt", b"2011-01-02,2,6"]


def test_one_day_cannot_be_split_by_days():
    assert "all rows are of one day, 2011-01-03" in refused(batch([(3, 1), (3, 2)]), BY_DAY)


def test_too_few_rows_cannot_be_split():
    assert "1 rows cannot be split" in refused(batch([(3, 1)]), BY_ROW)


def test_the_profile_holds_the_hash_of_the_bytes_that_came():
    content = batch([(1, 1), (2, 2)])
    one, other = parted(content, BY_DAY)[0], parted(content.replace(b"\n", b"\r\n"), BY_DAY)[0]
    assert one.sha256 != other.sha256
    assert (one.train_rows, one.label) == (other.train_rows, other.label)


@settings(max_examples=20)
@given(DATED)
def test_splitting_again_gives_the_same_bytes(rows):
    content = batch(rows)
    try:
        assert parted(content, BY_ROW) == parted(content, BY_ROW)
    except BadData:
        assert refused(content, BY_ROW) == refused(content, BY_ROW)


def test_july_of_the_bikes_is_held_out_from_the_23rd():
    lines = gzip.decompress(BIKES_FILE.read_bytes()).splitlines(keepends=True)
    july = lines[:1] + [line for line in lines if line.startswith(b"2011-07")]
    profile, _, holdout = parted(b"".join(july), BY_DAY)
    assert (profile.rows, profile.train_rows, profile.holdout_rows) == (744, 528, 216)
    assert (profile.first_day, profile.last_day) == ("2011-07-01", "2011-07-31")
    assert profile.holdout_days[0] == "2011-07-23"
    read = read_holdout(b"\n".join(holdout) + b"\n", label="cnt", kind="regression", time="day")
    assert read.blocks == tuple(day for day in range(9) for _ in range(24))
    assert read.unit == "day"
    assert "cnt" not in read.columns
    assert sum(read.labels) == sum(int(line.split(b",")[-1]) for line in holdout[1:])


def test_labels_of_classes_become_0_and_1():
    read = read_holdout(b"a,income\n1,<=50K\n2,>50K\n2,>50K\n", label="income", kind="classification")
    assert (read.labels, read.positive) == ((0.0, 1.0, 1.0), ">50K")
    assert (read.rows, read.blocks, read.unit) == ((("1",), ("2",), ("2",)), (0, 1, 1), "distinct row")


def test_a_holdout_of_one_class_is_read_when_the_classes_are_known():
    content = b"a,income\n1,0\n2,0\n"
    with pytest.raises(BadData, match="1 classes"):
        read_holdout(content, label="income", kind="classification")
    read = read_holdout(content, label="income", kind="classification", classes=("0", "1"))
    assert read.labels == (0.0, 0.0)


@given(st.integers(1, 300), st.integers(1, 20))
def test_probes_are_spread_over_the_whole_holdout(rows, count):
    content = b"a,cnt\n" + b"".join(b"%d,%d\n" % (n, n) for n in range(rows))
    indexes = probe_indexes(read_holdout(content, label="cnt", kind="regression"), count)
    assert len(indexes) == len(set(indexes)) == min(rows, count)
    assert indexes[0] == 0
    assert indexes[-1] == rows - 1 or count == 1
