"""The table of moves: who may go where, and that nothing leaves an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import IllegalMove
from retrain.run import ASLEEP, ENDED, MOVES, Actor, Run, State, moved, order_of, run_id, target_of
from retrain.steps import STEPS

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ACTOR = Actor(kind="test")


def a_run() -> Run:
    return Run(id="bikes~0", target="bikes", state=State.RECEIVED, order="o", door="blob", actor=ACTOR, created=NOW)


@given(st.lists(st.sampled_from(State), max_size=30))
def test_nothing_leaves_an_ended_state(wishes: list[State]) -> None:
    run = a_run()
    for wish in wishes:
        before = run
        try:
            run, line = moved(run, wish, why="", actor=ACTOR, now=NOW)
        except IllegalMove:
            continue
        assert before.state not in ENDED
        assert (line.source, line.to) == (before.state, wish)


def test_every_state_has_a_row_and_can_be_reached() -> None:
    assert set(MOVES) == set(State)
    reached = {State.RECEIVED}.union(*MOVES.values())
    assert reached == set(State)


def test_every_state_is_driven_or_sleeps_or_is_kept_for_later() -> None:
    assert set(STEPS) | ASLEEP | {State.QUEUED, State.WAITING} == set(State)
    assert not set(STEPS) & ASLEEP


def test_an_end_can_be_reached_from_everywhere() -> None:
    for state in set(State) - ENDED:
        seen, wave = {state}, {state}
        while wave:
            wave = set().union(*(MOVES[one] for one in wave)) - seen
            seen |= wave
        assert seen & ENDED


def test_an_illegal_move_says_where_the_run_stands() -> None:
    with pytest.raises(IllegalMove, match="bikes~0 is received; it cannot become promoted"):
        moved(a_run(), State.PROMOTED, why="", actor=ACTOR, now=NOW)


@given(st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1), st.lists(st.text(), min_size=1))
def test_a_runs_id_leads_to_its_target_and_depends_only_on_its_cause(target: str, parts: list[str]) -> None:
    ident = run_id(target, tuple(parts))
    assert target_of(ident) == target
    assert ident == run_id(target, tuple(parts))
    assert ident != run_id(target, tuple(parts), again=1)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(1, 10**9))
def test_orders_compare_as_their_times_do(at: datetime, microseconds: int) -> None:
    later = at + timedelta(microseconds=microseconds)
    assert order_of(at, "z") < order_of(later, "a")
