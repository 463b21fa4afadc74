"""Signals become one exception, and never inside of what must be whole."""

from __future__ import annotations

import os
import signal

import pytest

from local.interrupts import Interrupted, Interrupts


def test_interrupts_wait_for_the_end_of_a_held_block_and_win_over_its_error() -> None:
    reached = []
    with Interrupts() as interrupts:
        with pytest.raises(Interrupted) as raised, interrupts.held():
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append("after the signal")
            raise OSError("a child died of the same Ctrl-C")
        with interrupts.held():
            os.kill(os.getpid(), signal.SIGINT)
    assert reached == ["after the signal"]
    assert raised.value.code == 128 + signal.SIGTERM


def test_interrupts_come_at_once_elsewhere_and_leave_the_handlers_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted), Interrupts():
        os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_interrupts_leave_a_program_started_by_nohup_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
