"""How things look: from the app's own views, without starting anything."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import retrain.gate
from cli.problems import Exit, exit_of
from cli.render import clean, figure, size
from cli.show import NEXT, next_step, show
from cli.times import age, clock, duration
from cli.verdict import ADVICE, DATA, WIDTH, drawn
from retrain.gate.decision import Data
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


def test_a_refusal_is_told_in_figures_of_both_models_on_every_holdout(capsys: pytest.CaptureFixture[str]) -> None:
    run = judged(State.REFUSED)
    show(run_view(run, "http://x", moves_of(run), decision(run)))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    asked = next(line for line in lines if line.startswith("Asked: "))
    assert "better than the champion (version 4)" in asked and "95% confidence" in asked
    fresh, trusted = (next(line for line in lines if line.startswith(name)) for name in ("fresh", "trusted 6"))
    assert fresh.startswith("fresh 2,020, 14 days 41.235 39.877 0.48 vs 0.5 -1.358 -2.1 to -0.6 -")
    assert trusted.startswith("trusted 6,000, 41 days 38.5 38.75 0.55 vs 0.54 0.25 -0.5 to 1 --")
    assert "data believed: later runs train on this batch and are judged by it too" in lines
    assert "trusted the trusted holdout was looked at for 3 earlier decisions" in lines


def test_what_failed_is_told_before_what_passed(capsys: pytest.CaptureFixture[str]) -> None:
    run = judged(State.REFUSED)
    show(run_view(run, "http://x", moves_of(run), decision(run)))
    told = capsys.readouterr().out
    assert told.index("FAIL") < told.index("NOTE") < told.index("PASS")


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(0, 3))
def test_an_interval_is_drawn_on_the_side_of_zero_where_it_lies(gain: float, below: float, above: float) -> None:
    low, high = gain - below, gain + above
    line = drawn(gain, (low, high), max(abs(low), abs(high)))
    if not line:
        assert low == high == 0
        return
    zero = WIDTH // 2
    assert len(line) <= WIDTH and line.count("o") == 1
    assert (line.index("o") - zero) * gain >= 0
    if low > 0:
        assert not line[:zero].strip()
    if high < 0:
        assert not line[zero + 1 :].strip()


def test_nothing_is_drawn_where_nothing_was_measured() -> None:
    assert drawn(None, None, 0.0) == drawn(1.0, None, 1.0) == ""


def test_what_follows_is_told_for_every_verdict_on_the_data() -> None:
    assert DATA.keys() == set(get_args(Data))


@pytest.mark.parametrize("rule", ADVICE)
def test_a_refusal_says_what_to_do(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = judged(State.REFUSED)
    whole = decision(run)
    whole["decision"]["findings"] = [{"rule": rule, "verdict": "fail", "message": "it is so"}]
    show(run_view(run, "http://x", moves_of(run), whole))
    assert ADVICE[rule].replace("NAME", MODEL) in capsys.readouterr().out


def test_every_rule_with_an_advice_is_one_of_the_gate() -> None:
    gate = "".join(path.read_text() for path in (Path(retrain.gate.__file__).parent).glob("*.py"))
    assert [rule for rule in ADVICE if f'"{rule}"' not in gate] == []


def test_a_look_back_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    run = judged(State.REFUSED)
    whole = {**decision(run), "review": {"champion": 4, "before": 3, "worse": True, "why": "worse: 52 against 40"}}
    show(run_view(run, "http://x", moves_of(run), whole))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "look back version 4 against version 3: worse: 52 against 40" in lines


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
