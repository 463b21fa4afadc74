"""Every fault of the lab changes what its name says, and nothing else."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.gate.faults import CATALOGUE, DoesNotApplyError, Fault, Scene, labels
from benchmarks.gate.sheet import Sheet, read
from benchmarks.gate.streams import Stream, bikes_by_month

KNOWN = {fault.name: fault for fault in CATALOGUE}
LABEL_AND_FEATURE = {"label and feature swapped", "label leaks into a feature", "label leaks in some rows"}
LABELS = [fault.name for fault in labels.FAULTS if fault.name not in {*LABEL_AND_FEATURE, "one class gone"}]
NOT_BESIDE_THE_LABEL = ("values a column off", "column named twice")
COLUMNS = [fault.name for fault in CATALOGUE if fault.group == "columns" and fault.name not in NOT_BESIDE_THE_LABEL]
SAME_ROWS = ["columns in another order", "rows in another order", "byte order mark", "quotes around everything"]


def rentals() -> Stream:
    whole = bikes_by_month()
    return replace(whole, batches=whole.batches[:6])


def people(seed: int = 0) -> Stream:
    """A stream of classes without time: whether somebody pays."""
    rng = np.random.default_rng(seed)
    sheets = []
    for _ in range(6):
        rows = [
            (str(round(x, 3)), str(round(y, 2)), ("red", "green", "blue")[z], "no" if x > y else "yes", str(int(x > 0)))
            for x, y, z in zip(rng.normal(size=80), rng.normal(size=80), rng.integers(3, size=80), strict=True)
        ]
        sheets.append(Sheet(("first", "second", "colour", "larger", "pays"), tuple(rows)))
    return Stream(
        name="people",
        label="pays",
        kind="classification",
        metric="auc",
        batches=tuple(sheets),
        numbers=("first", "second"),
        words=("colour", "larger"),
    )


STREAMS = {"rentals": rentals(), "people": people()}


def struck(stream: Stream, fault: Fault, severity: str, seed: int = 0) -> bytes:
    """The faulty bytes of the fourth batch."""
    return fault.strike(Scene(stream, 3), severity, seed)


def damaging(stream: str, name: str) -> Iterator[str]:
    """The severities of a fault at which the stream has something that it could damage."""
    return (severity for severity in KNOWN[name].severities if applies(STREAMS[stream], KNOWN[name], severity))


def applies(stream: Stream, fault: Fault, severity: str) -> bool:
    try:
        return bool(struck(stream, fault, severity) or True)
    except DoesNotApplyError:
        return False


def test_there_is_one_fault_of_each_name() -> None:
    assert len(KNOWN) == len(CATALOGUE)


def test_nearly_every_fault_damages_both_streams() -> None:
    found = [name for stream in STREAMS for name in KNOWN for _ in damaging(stream, name)]
    assert len(set(found)) == len(CATALOGUE)
    assert len(found) > 1.5 * sum(len(fault.severities) for fault in CATALOGUE)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", KNOWN)
def test_a_fault_is_the_same_for_the_same_seed_and_leaves_the_clean_batch_alone(stream: str, name: str) -> None:
    clean = STREAMS[stream].batches[3].content()
    for severity in damaging(stream, name):
        first = struck(STREAMS[stream], KNOWN[name], severity)
        assert struck(STREAMS[stream], KNOWN[name], severity) == first, severity
        assert STREAMS[stream].batches[3].content() == clean, severity
        if not KNOWN[name].harmless:
            assert first != clean, severity


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", LABELS)
def test_a_fault_of_the_label_leaves_every_feature_as_it_was(stream: str, name: str) -> None:
    clean, label = STREAMS[stream].batches[3], STREAMS[stream].label
    for severity in damaging(stream, name):
        found = read(struck(STREAMS[stream], KNOWN[name], severity))
        assert found.without(label) == clean.without(label), severity
        assert found.column(label) != clean.column(label), severity


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", COLUMNS)
def test_a_fault_of_a_column_leaves_the_label_as_it_was(stream: str, name: str) -> None:
    clean, label = STREAMS[stream].batches[3], STREAMS[stream].label
    for severity in damaging(stream, name):
        found = read(struck(STREAMS[stream], KNOWN[name], severity))
        if severity == "the label":
            assert label not in found.header
        else:
            assert found.column(label) == clean.column(label), severity


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "name", ["rows doubled", "one row over and over", "partly the last batch", "one side of a number"]
)
def test_a_fault_of_rows_makes_no_row_up(stream: str, name: str) -> None:
    known = {row for sheet in STREAMS[stream].batches for row in sheet.rows}
    for severity in KNOWN[name].severities:
        assert set(read(struck(STREAMS[stream], KNOWN[name], severity)).rows) <= known


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", SAME_ROWS)
def test_a_harmless_change_keeps_every_row(stream: str, name: str) -> None:
    clean = STREAMS[stream].batches[3]
    found = read(struck(STREAMS[stream], KNOWN[name], ""))
    places = [found.place(column) for column in clean.header]
    assert Counter(tuple(row[place] for place in places) for row in found.rows) == Counter(clean.rows)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), share=st.sampled_from(["10 %", "30 %", "all"]))
def test_inverted_labels_are_struck_in_exactly_the_share_that_is_said(seed: int, share: str) -> None:
    stream = people(seed)
    clean, found = stream.batches[3], read(KNOWN["labels inverted"].strike(Scene(stream, 3), share, seed))
    turned = sum(a != b for a, b in zip(clean.column("pays"), found.column("pays"), strict=True))
    assert turned == round(labels.SHARES[share] * len(clean))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000))
def test_shuffled_labels_are_the_same_labels(seed: int) -> None:
    stream = people(seed)
    found = read(KNOWN["labels shuffled"].strike(Scene(stream, 3), "30 %", seed))
    assert Counter(found.column("pays")) == Counter(stream.batches[3].column("pays"))


def test_another_unit_in_a_tenth_of_the_rows_touches_a_tenth_of_one_column() -> None:
    clean = STREAMS["rentals"].batches[3]
    found = read(struck(STREAMS["rentals"], KNOWN["another unit in a tenth of the rows"], "×1000"))
    differing = [name for name in clean.header if clean.column(name) != found.column(name)]
    (column,) = differing
    pairs = list(zip(clean.column(column), found.column(column), strict=True))
    changed = [(float(a), float(b)) for a, b in pairs if a != b]
    assert 0 < len(changed) <= round(0.1 * len(clean))
    assert all(b == pytest.approx(1000 * a) for a, b in changed)


def test_a_leak_puts_the_label_where_a_feature_was() -> None:
    found = read(struck(STREAMS["people"], KNOWN["label leaks into a feature"], "exactly"))
    assert found.column("pays") in (found.column("first"), found.column("second"))


def test_a_cut_compressed_file_is_the_beginning_of_the_whole() -> None:
    whole = gzip.compress(STREAMS["rentals"].batches[3].content(), mtime=0)
    found = struck(STREAMS["rentals"], KNOWN["compressed file cut"], "at 50 %")
    assert whole.startswith(found)
    with pytest.raises(EOFError):
        gzip.decompress(found)


def test_a_fault_of_time_says_that_it_does_not_apply_where_there_is_no_time() -> None:
    with pytest.raises(DoesNotApplyError):
        KNOWN["time moved"].strike(Scene(STREAMS["people"], 3), "a year back", 0)
