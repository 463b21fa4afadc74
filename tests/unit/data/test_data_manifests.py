"""Which parts a run trains on, and that putting them together keeps every row and leaves the holdout out."""

import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.data.labels import number
from retrain.data.manifests import Part, choose, concatenate
from retrain.data.profile import EMPTY
from retrain.data.rows import row_hashes
from retrain.data.tables import BadData, encode

COLUMNS = ("a", "b")
FIELD = st.text(st.sampled_from('x1,"\n é'), max_size=4)
ROWS = st.lists(st.tuples(FIELD, FIELD), max_size=12)


def part(number, kind="train", **changes):
    fields = {
        "blob": f"runs/{number}.csv",
        "etag": f"e{number}",
        "sha256": f"s{number}",
        "rows": 10,
        "run": f"r{number}",
    }
    return Part(**{**fields, "kind": kind, **changes})


def written(rows):
    return b"".join(map(encode, [COLUMNS, *rows]))


ACCEPTED = [part(1), part(1, "holdout"), part(2), part(3)]


def test_all_accepted_train_parts_come_first_and_the_own_last():
    assert choose(ACCEPTED, part(4), "all") == (part(1), part(2), part(3), part(4))


def test_batch_is_the_own_part_alone():
    assert choose(ACCEPTED, part(4), "batch") == (part(4),)


@pytest.mark.parametrize(("count", "runs"), [(1, ["r4"]), (3, ["r2", "r3", "r4"]), (9, ["r1", "r2", "r3", "r4"])])
def test_a_number_takes_so_many_of_the_newest_parts(count, runs):
    assert [chosen.run for chosen in choose(ACCEPTED, part(4), count)] == runs


def test_the_same_content_is_used_once_and_the_runs_own_older_part_never():
    accepted = [part(1), part(2, sha256="s1"), part(3, sha256="s4"), part(4, sha256="older")]
    assert choose(accepted, part(4), "all") == (part(2, sha256="s1"), part(4))


@pytest.mark.parametrize("wrong", [0, -1, "some", True])
def test_another_window_is_refused(wrong):
    with pytest.raises(ValueError, match="train_on is"):
        choose(ACCEPTED, part(4), wrong)


@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(1, 40))
def test_parts_put_together_are_all_rows_under_one_header(parts, size):
    streams = [[content[at : at + size] for at in range(0, len(content), size)] for content in map(written, parts)]
    together = concatenate(streams, COLUMNS)
    assert b"".join(together) == written(itertools.chain(*parts))
    assert (together.rows, together.withheld) == (sum(map(len, parts)), 0)


def hashes_of(content):
    return np.unique(row_hashes(io.BytesIO(content)))


def meant(row):
    """What a row says: the same number, or no value, may be spelled in several ways."""
    values = (None if field.strip().lower() in EMPTY else field for field in row)
    return tuple(field if field is None or number(field) is None else number(field) for field in values)


@given(ROWS, ROWS)
def test_rows_of_a_holdout_are_withheld_from_every_part(rows, held):
    hashes = hashes_of(written(held))
    together = concatenate([[written(rows)], [written(held)]], COLUMNS, hashes)
    known = set(map(meant, held))
    assert b"".join(together) == written(row for row in rows if meant(row) not in known)
    assert together.rows + together.withheld == len(rows) + len(held)


def test_rows_are_withheld_however_their_numbers_are_spelled():
    hashes = hashes_of(b"a,b\n1,x\n")
    together = concatenate([[b"a,b\n1.0,x\n2,x\n 1 ,x\n"]], COLUMNS, hashes)
    assert b"".join(together) == b"a,b\n2,x\n"


def test_parts_that_are_known_to_be_clear_are_not_looked_into():
    hashes = hashes_of(b"a,b\n1,x\n")
    together = concatenate([[b"a,b\n1,x\n"], [b"a,b\n1,x\n"]], COLUMNS, hashes, clear={1})
    assert b"".join(together) == b"a,b\n1,x\n"
    assert (together.rows, together.withheld) == (1, 1)


def test_blocks_are_bounded():
    content = written([("x" * 90, str(n)) for n in range(10_000)])
    assert max(map(len, concatenate([[content]], COLUMNS))) < 300 * 1024


def test_a_part_with_another_header_is_refused():
    with pytest.raises(BadData, match="part 2 has the columns b,a, expected a,b"):
        b"".join(concatenate([[b"a,b\n1,2\n"], [b"b,a\n1,2\n"]], COLUMNS))
