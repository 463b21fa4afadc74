"""How what a doctor finds is told: each check by itself, and what one raises is its finding.

What is checked is elsewhere: in `retrain.doctor`, and in `examine` of the clients of services.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence

from retrain.errors import RetrainError, Throttled
from retrain.ports import Diagnosis

Check = Callable[[], Iterable[Diagnosis]]


def ok(subject: str, message: str) -> Diagnosis:
    """Nothing to do."""
    return Diagnosis(subject=subject, verdict="ok", message=message)


def warn(subject: str, message: str) -> Diagnosis:
    """It works, but somebody should know."""
    return Diagnosis(subject=subject, verdict="warn", message=message)


def fail(subject: str, message: str) -> Diagnosis:
    """It cannot work like this."""
    return Diagnosis(subject=subject, verdict="fail", message=message)


def examined(subject: str, *checks: Check) -> Iterator[Diagnosis]:
    """The findings of each check. What one raises is its finding, and does not keep the others from their turn."""
    for check in checks:
        try:
            yield from check()
        except Throttled as error:
            yield warn(subject, str(error))
        except RetrainError as error:
            yield fail(subject, str(error))


def misnamed(setting: str, name: str, there: Sequence[str]) -> str:
    """What is wrong with a name that a service does not have: the one that is meant, if one is near, else all."""
    folded = {one.lower(): one for one in there}
    near = folded.get(name.lower()) or next(iter(difflib.get_close_matches(name, there, 1)), "")
    advice = f"did you mean {near!r}? Case matters" if near else f"it has {', '.join(there) or 'none'}"
    return f"{setting} = {name!r}: the service has no such name; {advice}"
