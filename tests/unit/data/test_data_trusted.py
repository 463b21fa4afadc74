"""The trusted holdout is bounded, ages, and never takes back what it dropped, whatever order rows come in."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.data.manifests import Segment
from retrain.data.tables import BadData, encode
from retrain.data.trusted import age, restart

COLUMNS = ("day", "temp", "cnt")
BATCHES = st.lists(st.integers(1, 60), min_size=1, max_size=8)
CAPS, DECAYS = st.integers(5, 80), st.sampled_from([0.5, 0.8, 1.0])


def holdout(batch, count):
    """Rows of days of their own for each batch."""
    rows = [(f"2011-{batch % 12 + 1:02}-{n % 28 + 1:02}", f"{n / 7:.3f}", f"{batch * 1000 + n}") for n in range(count)]
    return b"".join(map(encode, [COLUMNS, *rows]))


def grown(counts, **settings):
    """What each of several batches in turn makes of the trusted holdout."""
    content, segments = b"", ()
    for number, count in enumerate(counts):
        content, segments = age(content, segments, holdout(number, count), f"r{number}", time="day", **settings)
        yield content, segments


def rows_of(content, segments):
    lines = content.splitlines()[1:]
    found = {}
    for segment in segments:
        found[segment.run], lines = set(lines[: segment.rows]), lines[segment.rows :]
    assert not lines
    return found


@given(BATCHES, CAPS, DECAYS)
def test_a_trusted_holdout_never_exceeds_its_cap(counts, cap, decay):
    for content, segments in grown(counts, cap=cap, decay=decay):
        assert sum(segment.rows for segment in segments) == len(content.splitlines()) - 1 <= cap


@given(BATCHES, CAPS, DECAYS)
def test_a_segment_only_loses_rows(counts, cap, decay):
    before = {}
    for content, segments in grown(counts, cap=cap, decay=decay):
        now = rows_of(content, segments)
        assert all(now[run] <= before.get(run, now[run]) for run in now)
        before = now


@given(st.lists(st.just(50), min_size=2, max_size=8), CAPS)
def test_older_segments_of_equal_batches_are_never_longer_than_newer_ones(counts, cap):
    *_, (_, segments) = grown(counts, cap=cap)
    lengths = [segment.rows for segment in segments]
    assert lengths == sorted(lengths)


def test_segments_shrink_by_a_fifth_a_batch_while_there_is_room():
    *_, (_, segments) = grown([100, 100, 100], cap=5000)
    assert [(segment.run, segment.rows) for segment in segments] == [("r0", 64), ("r1", 80), ("r2", 100)]


def test_a_batch_that_is_long_gone_leaves_no_segment():
    *_, (_, segments) = grown([3, *[100] * 12], cap=5000)
    assert "r0" not in {segment.run for segment in segments}


@given(BATCHES, CAPS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(counts, cap, chance):
    straight = shuffled = (b"", ())
    for number, count in enumerate(counts):
        own = holdout(number, count)
        header, *lines = own.splitlines(keepends=True)
        chance.shuffle(lines)
        straight = age(*straight, own, f"r{number}", time="day", cap=cap)
        shuffled = age(*shuffled, header + b"".join(lines), f"r{number}", time="day", cap=cap)
    assert straight == shuffled


def test_a_run_that_is_in_it_changes_nothing():
    *_, (content, segments) = grown([10, 20])
    assert age(content, segments, holdout(5, 30), "r1") == (content, segments)


def test_a_segment_tells_its_days():
    _, segments = age(b"", (), holdout(0, 10), "r0", time="day")
    assert segments == (Segment(run="r0", rows=10, first_day="2011-01-01", last_day="2011-01-10"),)


def test_without_time_a_segment_has_no_days():
    _, (segment,) = age(b"", (), holdout(0, 10), "r0")
    assert (segment.first_day, segment.last_day) == (None, None)


def test_after_a_confirmed_change_only_the_two_batches_that_showed_it_are_trusted():
    _, segments = restart(holdout(3, 50), "r3", holdout(4, 50), "r4", time="day")
    assert [(segment.run, segment.rows) for segment in segments] == [("r3", 40), ("r4", 50)]


def test_a_batch_with_other_columns_cannot_join():
    content, segments = age(b"", (), holdout(0, 10), "r0")
    with pytest.raises(BadData, match="has the columns day, temp, cnt, the batch day, cnt"):
        age(content, segments, b"day,cnt\n2011-01-01,1\n", "r1")


def test_quoted_line_ends_stay_in_their_row():
    rows = [("2011-01-01", "two\nlines", str(n)) for n in range(20)]
    random.Random(1).shuffle(rows)
    own = b"".join(map(encode, [COLUMNS, *rows]))
    content, (segment,) = age(b"", (), own, "r0", time="day")
    assert (segment.rows, content.count(b"two\nlines")) == (20, 20)
