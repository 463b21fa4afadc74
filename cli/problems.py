"""How the command ends: its exit codes, and errors that are told in one sentence. No traceback is shown for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

from retrain.run import State


class Exit(IntEnum):
    """Exit codes; docs/cli.md explains them."""

    OK = 0  # done as asked; of a run: it is live
    FAILED = 1  # an error, or a run that failed
    USAGE = 2  # the command line itself is wrong
    NOT_LIVE = 3  # the run ended without going live, by a decision or for want of something new
    PENDING = 4  # it has not ended: it waits for a person, or our patience was over


_BROKEN = frozenset({State.FAILED, State.UNVERIFIED})
_WAITS_FOR_PERSON = frozenset({State.PARKED, State.AWAITING_APPROVAL})


def exit_of(state: str) -> Exit:
    """The exit code that says how a run stands at the end of watching it."""
    if state == State.PROMOTED:
        return Exit.OK
    if state in _BROKEN:
        return Exit.FAILED
    return Exit.PENDING if state in _WAITS_FOR_PERSON else Exit.NOT_LIVE


class Problem(Exception):
    """Ends the command: the message says what was asked, what came back, and what to do next.

    `status` is that of the HTTP answer, 0 when it was none.
    """

    def __init__(self, message: str, code: Exit = Exit.FAILED, details: Sequence[str] = (), *, status: int = 0) -> None:
        super().__init__(message)
        self.code, self.details, self.status = code, tuple(details), status


class Unreachable(Problem):
    """Nobody answered, or the app said that it cannot now: asking again later may succeed."""


class NotYet(Unreachable):
    """The app has begun what was asked and is at it; in `after` seconds it may be done."""

    def __init__(self, message: str, *, after: float, status: int = 0) -> None:
        super().__init__(message, status=status)
        self.after = after


@contextmanager
def of_services() -> Iterator[None]:
    """Errors of a service that a command calls by itself become problems of the command."""
    from retrain.errors import RetrainError

    try:
        yield
    except RetrainError as error:
        raise Problem(str(error)) from error


class Usage(Problem):
    """The command line cannot be carried out as it was written."""

    def __init__(self, message: str) -> None:
        super().__init__(message, Exit.USAGE)
