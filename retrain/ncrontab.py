"""NCRONTAB schedules, as Azure timer triggers spell them: parse, and find the next occurrence. All times are UTC.

Five fields {minute hour day month weekday} or six with {second} in front. A time must match day *and* weekday.
Not here: waiting for a time, remembering what already ran, TimeSpan schedules ("00:05:00").
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_LEAP_YEAR = 2000  # any year with a 29th of February
_FAR = 366 * 41  # days: 29 February falls on every weekday at least once in 40 years, even across a missed leap year


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True)
class Ncrontab:
    """A parsed schedule; each member holds the allowed values, ascending. Weekday 0 is Sunday."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The schedule that `text` spells. Raises ValueError, with the field at fault and what it may hold."""
        parts = text.split()
        if len(parts) == 5:
            parts.insert(0, "0")
        if len(parts) != 6:
            raise ValueError(
                f"schedule {text!r} has {len(parts)} fields; write 5 (minute hour day month weekday) "
                "or 6 (second first), for example '0 0 3 * * 1'"
            )
        values = [_values(part, field, text) for part, field in zip(parts, _FIELDS, strict=True)]
        schedule = cls(text, *values)
        if min(schedule.days) > max(monthrange(_LEAP_YEAR, month)[1] for month in schedule.months):
            raise ValueError(f"schedule {text!r} never happens: no chosen month has a day {min(schedule.days)}")
        return schedule

    def next(self, after: datetime) -> datetime:
        """The first occurrence strictly later than `after` (aware), in UTC. Raises ValueError for a naive time."""
        if after.tzinfo is None:
            raise ValueError(f"schedule {self.text!r}: {after!r} has no time zone; pass an aware time")
        start = after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days_from(start.date()):
            earliest = start.time() if day == start.date() else time()
            moment = self._time_from(earliest)
            if moment is not None:
                return datetime.combine(day, moment, UTC)
        raise ValueError(f"schedule {self.text!r} has no occurrence within forty years")

    def _days_from(self, first: date) -> Iterator[date]:
        for offset in range(_FAR):
            day = first + timedelta(days=offset)
            weekday = day.isoweekday() % 7
            if day.day in self.days and day.month in self.months and weekday in self.weekdays:
                yield day

    def _time_from(self, earliest: time) -> time | None:
        for hour in self.hours:
            if hour < earliest.hour:
                continue
            for minute in self.minutes:
                for second in self.seconds:
                    if (moment := time(hour, minute, second)) >= earliest:
                        return moment
        return None


def _values(part: str, field: _Field, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for item in part.split(","):
        found.update(_range(item, field, text))
    return tuple(sorted(found))


def _range(item: str, field: _Field, text: str) -> range:
    span, slash, step_text = item.partition("/")
    step = _number(step_text, field, text) if slash else 1
    if step < 1:
        raise _wrong(text, field, f"the step in {item!r} must be 1 or more")
    if span == "*":
        return range(field.low, field.high + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _value(first_text, field, text)
    # "5/15" runs to the end of the field, as NCRONTAB has it
    last = _value(last_text, field, text) if dash else (field.high if slash else first)
    if first > last:
        raise _wrong(text, field, f"the range {span!r} runs backwards; write two ranges with a comma")
    return range(first, last + 1, step)


def _value(word: str, field: _Field, text: str) -> int:
    matches = [i for i, name in enumerate(field.names) if len(word) >= 3 and name.startswith(word.lower())]
    value = field.low + matches[0] if matches else _number(word, field, text)
    if not field.low <= value <= field.high:
        raise _wrong(text, field, f"{word} is not between {field.low} and {field.high}")
    return value


def _number(word: str, field: _Field, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", word):
        raise _wrong(text, field, f"{word!r} is not a number" + (" or a name" if field.names else ""))
    return int(word)


def _wrong(text: str, field: _Field, why: str) -> ValueError:
    hint = " (0 is Sunday)" if field.name == "weekday" else ""
    return ValueError(f"schedule {text!r}, field {field.name}: {why}{hint}")
