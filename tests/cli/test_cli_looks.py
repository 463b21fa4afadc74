"""How things look: from the app's own views, without starting anything."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.problems import Exit, exit_of
from cli.render import clean, figure, size
from cli.show import NEXT, next_step, show
from cli.times import age, clock, duration
from retrain.ports import Ports
from retrain.run import ASLEEP, MOVES, Actor, State
from shared.api.views import run_view
from tests.cli.conftest import MODEL, RETRAIN, surroundings
from tests.cli.records import decision, judged, keep, moves_of, run_in
from tests.cli.server import Server

NARROW = 44


@pytest.mark.parametrize("state", MOVES)
def test_every_state_can_be_shown_and_has_an_exit_code_and_a_next_step(
    state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_in(state, why="so it went", parameters={"Trees": "50"}, again=2, approver=Actor(kind="person", id="ana"))
    view = run_view(run, "http://x", moves_of(run))
    show(view)
    shown = capsys.readouterr().out
    for told in (run.id, state, "so it went", "Trees=50", "ana (person)", "landed"):
        assert told in shown
    assert (exit_of(state) is Exit.OK) == (state is State.PROMOTED)
    if state not in ASLEEP:
        assert f"retrain watch {run.id}" in next_step(view)


def test_every_hint_is_for_a_state_there_is() -> None:
    assert NEXT.keys() <= set(MOVES)


def test_a_refusal_is_told_in_figures_of_both_models(capsys: pytest.CaptureFixture[str]) -> None:
    run = judged(State.REFUSED)
    show(run_view(run, "http://x", moves_of(run), decision(run)))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "rmse 41.235 39.877 (version 4) -1.358 -2.1 to -0.6 at 95%" in lines
    assert "rows 2,020, 14 blocks fresh holdout" in lines
    assert "FAIL gain the gain is not above 0" in lines


def test_a_run_without_anything_yet_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_in(State.RECEIVED, landings=(), reason="", due=datetime.now(UTC) + timedelta(seconds=30))
    show(run_view(run, "http://x"))
    assert "next look  in " in capsys.readouterr().out


SAID = {
    0: "0.0 s", 3.24: "3.2 s", 9.97: "10 s", 59.6: "1 min 00 s", 245: "4 min 05 s", 11_520: "3 h 12 min",
    86_400 * 5 + 3 * 3600: "5 d 3 h", -4: "0.0 s", None: "-",
}  # fmt: skip


@pytest.mark.parametrize(("seconds", "said"), SAID.items())
def test_a_duration_is_said_in_two_figures_at_most(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


@given(st.floats(0, 1e9))
def test_a_duration_is_always_short(seconds: float) -> None:
    assert len(duration(seconds)) <= 12


def test_a_clock_that_is_ahead_makes_no_negative_age() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age((now + timedelta(hours=1)).isoformat(), now) == "now"
    assert age((now - timedelta(hours=1)).isoformat(), now) == "1 h 00 min ago"


@given(st.text())
def test_what_is_printed_cannot_steer_the_terminal(text: str) -> None:
    assert all(character in "\t\n" or ord(character) >= 32 for character in clean(text))
    assert "\x1b" not in clean(text + "\x1b[2J")


def test_figures_and_sizes_are_said_as_people_say_them() -> None:
    assert [figure(value) for value in (0.912346, 1234567.8, None, 39.87654)] == ["0.91235", "1,234,568", "-", "39.877"]
    assert [size(count) for count in (0, 999, 18_400, 5_000_000_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "18.4 kB",
        "5000.0 TB",
    ]


@pytest.fixture
def on_terminal(server: Server) -> Callable[..., str]:
    """Runs `retrain` on a terminal; what it wrote there."""

    def run(*arguments: str, **settings: str) -> str:
        ours, theirs = pty.openpty()
        env = {
            **surroundings(),
            "RETRAIN_URL": server.url,
            "TERM": "xterm-256color",
            "COLUMNS": str(NARROW),
            **settings,
        }
        subprocess.run([RETRAIN, *arguments], env=env, stdout=theirs, stderr=theirs, check=False, timeout=100)
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 65_536):
                written += block
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(ours)
        return written.decode()

    return run


def test_a_narrow_terminal_cuts_nothing_off_and_breaks_no_figure(on_terminal: Callable[..., str], ports: Ports) -> None:
    run = keep(judged(State.REFUSED), ports)
    moments = [clock(at.isoformat()) for at in (run.times.landed, run.times.trained, run.times.decided) if at]
    for command, more in ((("runs", MODEL), []), (("show", run.id), moments)):
        wide, narrow = (on_terminal(*command, NO_COLOR="1", COLUMNS=width) for width in ("400", str(NARROW)))
        for whole in (run.id, "41.235", "39.877", *more):
            assert whole in narrow
        assert words(wide) == words(narrow)


def words(text: str) -> set[str]:
    """All words but ages, which pass; without what makes them bold."""
    plain = re.sub(r"\x1b\[\d*m", "", text)
    return {word for word in plain.split() if not any(character.isdigit() for character in word)} - {"s", "min", "00"}


def test_colours_are_for_terminals_that_want_them(on_terminal: Callable[..., str], ports: Ports) -> None:
    run = keep(judged(State.REFUSED), ports)
    assert "\x1b[31m" in on_terminal("show", run.id) or "\x1b[1;31m" in on_terminal("show", run.id)
    assert "\x1b[31m" not in on_terminal("show", run.id, NO_COLOR="1")
