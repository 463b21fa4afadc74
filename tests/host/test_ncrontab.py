"""NCRONTAB schedules: examples, rules, complaints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.ncrontab import Ncrontab

SATURDAY = datetime(2026, 11, 21, 9, 30, 0, 500, tzinfo=UTC)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("0 */5 * * * *", "2026-11-21 09:35:00"),
        ("*/5 * * * *", "2026-11-21 09:35:00"),
        ("0 0 3 * * 1", "2026-11-23 03:00:00"),
        ("0 0 3 * * MON", "2026-11-23 03:00:00"),
        ("0 0 0 31 * *", "2026-12-31 00:00:00"),
        ("0 0 0 29 2 monday", "2044-02-29 00:00:00"),
        ("0 30 9-17 * jan-mar Mon-Fri", "2027-01-01 09:30:00"),
        ("5/20 * * * * *", "2026-11-21 09:30:05"),
        ("10,40 30 9 * * *", "2026-11-21 09:30:10"),
        ("0 30 9 * * *", "2026-11-22 09:30:00"),
        ("0 0 0 13 * 5", "2027-08-13 00:00:00"),
    ],
)
def test_the_next_occurrence_is_found(text, following):
    assert Ncrontab.parse(text).next(SATURDAY) == datetime.fromisoformat(following).replace(tzinfo=UTC)


def test_an_occurrence_is_never_the_given_moment_itself():
    moment = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
    assert Ncrontab.parse("0 0 3 * * *").next(moment) == moment + timedelta(days=1)


def test_other_time_zones_are_converted():
    moment = datetime(2026, 1, 1, 4, 30, tzinfo=timezone(timedelta(hours=2)))
    assert Ncrontab.parse("0 0 3 * * *").next(moment) == datetime(2026, 1, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("* *", "has 2 fields"),
        ("0 0 25 * * *", "field hour: 25 is not between 0 and 23"),
        ("0 0 0 31 2 *", "never happens"),
        ("0 0 0 * * 7", "0 is Sunday"),
        ("0 0 22-2 * * *", "runs backwards"),
        ("0 0 x * * *", "field hour: 'x' is not a number"),
        ("0 0 0 * foo *", "field month: 'foo' is not a number or a name"),
        ("*/0 * * * * *", "must be 1 or more"),
        ("0 0 , * * *", "field hour"),
        ("00:05:00", "has 1 fields"),
    ],
)
def test_a_mistake_is_named_with_its_field(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        Ncrontab.parse(text)


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Ncrontab.parse("0 0 3 * * *").next(datetime(2026, 1, 1))


@st.composite
def fields(draw, low: int, high: int) -> str:
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, high))
    shapes = ["*", f"{first}", f"{first}-{last}", f"*/{step}", f"{first}/{step}", f"{first}-{last}/{step}"]
    return ",".join(draw(st.lists(st.sampled_from(shapes), min_size=1, max_size=3)))


SCHEDULES = st.tuples(fields(0, 59), fields(0, 59), fields(0, 23), st.just("*"), fields(1, 12), fields(0, 6)).map(
    " ".join
)


def matches(schedule: Ncrontab, moment: datetime) -> bool:
    return (
        moment.second in schedule.seconds
        and moment.minute in schedule.minutes
        and moment.hour in schedule.hours
        and moment.day in schedule.days
        and moment.month in schedule.months
        and moment.isoweekday() % 7 in schedule.weekdays
    )


@given(SCHEDULES, TIMES)
def test_the_next_occurrence_matches_every_field_and_is_later(text, after):
    schedule = Ncrontab.parse(text)
    following = schedule.next(after)
    assert following > after
    assert matches(schedule, following)


@given(SCHEDULES, TIMES)
def test_nothing_that_matches_is_passed_over(text, after):
    schedule = Ncrontab.parse(text)
    following = schedule.next(after)
    earlier = following - timedelta(seconds=1)
    for _ in range(300):
        if earlier <= after:
            break
        assert not matches(schedule, earlier)
        earlier -= timedelta(seconds=1)


@given(SCHEDULES, TIMES)
def test_occurrences_do_not_depend_on_where_the_search_starts(text, after):
    schedule = Ncrontab.parse(text)
    following = schedule.next(after)
    assert schedule.next(after + (following - after) / 2) in (following, schedule.next(following))
