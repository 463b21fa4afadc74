"""What was made lately is kept, and no more of it than was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recent import Recent


@given(st.integers(1, 5), st.lists(st.integers(0, 9), max_size=60))
def test_the_values_asked_for_last_are_made_once_and_older_ones_again(most: int, asked: list[int]) -> None:
    recent: Recent[int] = Recent(most)
    kept: list[int] = []
    for key in asked:
        made: list[int] = []
        assert recent.get(key, lambda key=key, made=made: made.append(key) or key * 2) == key * 2  # type: ignore[misc]
        assert bool(made) is (key not in kept)
        kept = [*(old for old in kept if old != key), key][-most:]


def test_what_could_not_be_made_is_not_kept() -> None:
    recent: Recent[int] = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 7) == 7
    recent.clear()
    assert recent.get("a", lambda: 8) == 8
