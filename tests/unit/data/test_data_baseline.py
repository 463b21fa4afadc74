"""What is remembered of earlier batches comes back as it was, and tells how many rows of a new one are old."""

import numpy as np
import pytest

from retrain.data import baseline
from retrain.data.baseline import BATCHES, Baseline, Known, Sample, in_common
from retrain.data.profile import BatchProfile, ColumnProfile, LabelSummary


def known(run="r1", hashes=(1, 2, 3)):
    profile = BatchProfile(
        rows=2,
        columns=(ColumnProfile(name="temp", kind="number", low=1.0, high=2.5), ColumnProfile(name="town", kind="text")),
        label=LabelSummary(mean=1.0),
        sha256="5a",
    )
    columns = {"temp": np.array([1.5, np.nan]), "town": np.array(["Köln", None], dtype=object)}
    return Known(run, profile, Sample(columns, np.array([0.0, 1.0])), np.array(hashes, dtype=np.uint64))


def test_a_baseline_comes_back_from_its_bytes():
    (found,) = Baseline.from_bytes(Baseline((known(),)).to_bytes()).batches
    assert (found.run, found.profile) == ("r1", known().profile)
    assert found.hashes.tolist() == [1, 2, 3]
    assert np.array_equal(found.sample.columns["temp"], [1.5, np.nan], equal_nan=True)
    assert found.sample.columns["town"].tolist() == ["Köln", None]
    assert found.sample.labels.tolist() == [0, 1]


def test_an_empty_baseline_comes_back():
    assert Baseline.from_bytes(Baseline().to_bytes()) == Baseline()


def test_the_oldest_batches_make_room_and_none_is_there_twice():
    runs = [f"r{number}" for number in range(BATCHES + 2)]
    kept = Baseline().extended(*map(known, runs)).extended(known(runs[-1]))
    assert [batch.run for batch in kept.batches] == runs[2:]


def test_rows_in_common_are_counted_exactly_while_all_hashes_are_kept():
    assert in_common(known(hashes=(2, 3, 9)), known()) == (2, 3)


@pytest.mark.parametrize(("own", "earlier"), [((1, 2, 8, 9), (1, 3, 4)), ((1, 3, 4), (1, 2, 8, 9))])
def test_beyond_that_rows_are_compared_where_both_batches_are_known(monkeypatch, own, earlier):
    monkeypatch.setattr(baseline, "HASHES", 3)
    common, compared = in_common(known(hashes=own[:3]), known(hashes=earlier))
    assert (common, compared) == (1, len([value for value in own[:3] if value <= 4]))
