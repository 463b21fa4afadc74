"""What a model answered is found again by the row, and by nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain import scorebook
from retrain.data.holdout import Holdout, read_holdout
from retrain.holdouts import DOUBTED, FRESH, TRUSTED, put_together
from retrain.run import Artifact
from retrain.scorebook import extended, keys_of, packed, path, unpacked

KEYS = st.binary(min_size=16, max_size=16)
BOOKS = st.dictionaries(KEYS, st.floats())
TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=5)


def holdout(*rows: str, columns: str = "a,b,y") -> Holdout:
    return read_holdout("\n".join((columns, *rows, "")).encode(), label="y", kind="regression")


@given(BOOKS)
def test_a_book_is_read_as_it_was_kept_be_the_scores_finite_or_not(book: scorebook.Book) -> None:
    again = unpacked(packed(book))
    assert list(again) == list(book)
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(again.values(), book.values(), strict=True))


@given(st.lists(st.tuples(TEXTS, TEXTS), unique=True, max_size=20))
def test_rows_that_differ_have_keys_that_differ(rows: list[tuple[str, str]]) -> None:
    assert len(set(keys_of(("a", "b"), rows))) == len(rows)
    assert not set(keys_of(("a", "b"), rows)) & set(keys_of(("a", "c"), rows))
    assert not set(keys_of(("a", "b"), rows)) & set(keys_of(("b", "a"), rows))


@given(BOOKS, BOOKS, st.integers(0, 30))
def test_a_full_book_forgets_what_was_not_used_for_longest(
    known: scorebook.Book, used: scorebook.Book, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorebook, "MOST", most)
        book = extended(known, used)
    assert used.keys() <= book.keys() <= known.keys() | used.keys()
    assert len(book) <= max(most, len(used))
    assert list(book)[len(book) - len(used) :] == list(used)
    idle = [key for key in known if key not in used]
    assert list(book)[: len(book) - len(used)] == idle[len(idle) - (len(book) - len(used)) :]


def test_a_model_without_readable_bytes_has_a_book_of_its_own_version() -> None:
    assert path("rental:001", None, "version-3") == "runs/rental/001/scores/version-3"
    kept = Artifact(blob="x", sha256="ab" * 32)
    assert path("bikes", kept, "version-3") == f"runs/bikes/scores/{'ab' * 8}"


def test_each_row_of_all_holdouts_is_asked_about_once_the_fresh_ones_first() -> None:
    held = put_together(holdout("1,x,10", "2,x,20"), holdout("3,x,30", "1,x,11"), holdout("4,x,40"))
    assert held.questions.rows.values == (("1", "x"), ("2", "x"), ("3", "x"), ("4", "x"))
    book = held.questions.answered([0.1, 0.2, 0.3, 0.4])
    assert held.scores(FRESH, book) == [0.1, 0.2]
    assert held.scores(TRUSTED, book) == [0.3, 0.1]
    assert held.scores(DOUBTED, book) == [0.4]


def test_what_a_model_was_asked_before_is_not_asked_again() -> None:
    first, second = put_together(holdout("1,x,10", "2,x,20")), put_together(holdout("3,x,30"), holdout("2,x,21"))
    known = first.questions.answered([0.1, 0.2])
    assert second.questions.but(known).rows.values == (("3", "x"),)


def test_questions_are_parted_without_loss() -> None:
    questions = put_together(holdout(*(f"{n},x,{n}" for n in range(25)))).questions
    parts = list(questions.parts(10))
    assert [len(part) for part in parts] == [10, 10, 5]
    assert [row for part in parts for row in part.rows.values] == list(questions.rows.values)


def test_a_holdout_with_its_columns_in_another_order_is_put_into_that_of_the_fresh_one() -> None:
    fresh, trusted = holdout("1,x,10"), holdout("y,2,20", columns="b,a,y")
    assert put_together(fresh, trusted).questions.rows.values == (("1", "x"), ("2", "y"))


def test_most_of_the_rows_in_doubt_sent_again_say_nothing_about_whether_a_change_lasts() -> None:
    doubted = holdout("1,x,10", "2,x,20", "3,x,30")
    assert put_together(holdout("3,x,30", "1,x,10", "9,x,90"), None, doubted).repeats
    assert not put_together(holdout("3,x,30", "8,x,80", "9,x,90"), None, doubted).repeats
    assert not put_together(holdout("1,x,11", "2,x,21", "3,x,31"), None, doubted).repeats, "corrected labels are news"
    assert not put_together(holdout("1,x,10")).repeats


def test_a_holdout_with_other_columns_is_left_out() -> None:
    other = holdout("1,x,10", columns="a,c,y")
    assert list(put_together(holdout("1,x,10"), other).by_name) == [FRESH]
