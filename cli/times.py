"""Points in time as people say them: ages and durations. Machines get the timestamps themselves from `--json`."""

from __future__ import annotations

from datetime import UTC, datetime

DAY = 86_400.0


def instant(text: str | None) -> datetime | None:
    """The point in time in an ISO text of the wire; None for nothing."""
    return datetime.fromisoformat(text) if text else None


def age(text: str | None, now: datetime | None = None) -> str:
    """How long ago that was: `12 s ago`. Clocks differ, so what seems to lie ahead is `now`."""
    then = instant(text)
    if then is None:
        return "-"
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    return "now" if seconds < 1 else f"{duration(seconds)} ago"


def between(start: str | None, end: str | None) -> float | None:
    """Seconds from one to the other; None when either is not known."""
    first, last = instant(start), instant(end)
    return None if first is None or last is None else (last - first).total_seconds()


def duration(seconds: float | None) -> str:
    """A length of time with two figures at most: `3.2 s`, `4 min 05 s`, `3 h 12 min`, `5 d 3 h`."""
    if seconds is None:
        return "-"
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < DAY:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{int(whole // DAY)} d {int(whole % DAY // 3600)} h"


def clock(text: str | None) -> str:
    """A timestamp to the second, in UTC."""
    then = instant(text)
    return "-" if then is None else f"{then.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def clock_now() -> str:
    """The present, as the wire writes it."""
    return datetime.now(UTC).isoformat()
