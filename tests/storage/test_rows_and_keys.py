"""Records to rows and back, and text to keys, as rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrain.champion import Accepted, Champion
from retrain.run import Actor, Artifact, Landed, Run, State, Verdict
from shared.storage import keys, rows

from .builders import a_run

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
ACTORS = st.builds(Actor, kind=TEXT, id=TEXT, verified=st.booleans())
LANDINGS = st.builds(Landed, key=TEXT, blob=TEXT, etag=TEXT, modified=TIMES, size=st.integers(0, 2**62))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RUNS = st.builds(
    Run,
    id=TEXT,
    target=TEXT,
    state=st.sampled_from(State),
    order=TEXT,
    door=TEXT,
    actor=ACTORS,
    created=TIMES,
    seq=st.integers(0, 10**6),
    due=st.none() | TIMES,
    landings=st.lists(LANDINGS, max_size=3).map(tuple),
    parameters=st.dictionaries(TEXT, TEXT, max_size=3),
    metrics=st.dictionaries(TEXT, NUMBERS, max_size=3),
    verdict=st.none() | st.builds(Verdict, approved=st.booleans(), reason=TEXT, metric=TEXT, low=st.none() | NUMBERS),
    why=TEXT,
    etag=TEXT,
)
CHAMPIONS = st.builds(
    Champion,
    target=TEXT,
    version=st.integers(0, 10**6),
    origin=st.integers(0, 10**6),
    since=TIMES,
    artifact=st.none() | st.builds(Artifact, blob=TEXT, sha256=TEXT),
    etag=TEXT,
)
ACCEPTED = st.builds(Accepted, target=TEXT, manifest=TEXT, etag=TEXT)


def as_read(values: dict[str, Any], etag: str) -> rows.Row:
    return rows.Row("p", "k", etag, "", values)


@given(RUNS | CHAMPIONS | ACCEPTED)
def test_a_record_comes_back_as_it_was_with_the_version_of_its_row(record: Run | Champion | Accepted) -> None:
    values = rows.packed(record)
    assert rows.unpacked(type(record), as_read(values, record.etag)) == record
    assert not record.etag or rows.unpacked(type(record), as_read(values, "x"), etag=False).etag == ""


@given(TEXT, st.integers(0, 3), st.integers(-1, 1))
def test_text_of_any_length_is_spread_into_parts_that_fit(text: str, parts: int, more: int) -> None:
    long = "😀" * max(rows.PART * parts + more, 0) + text
    values = rows.spread("value", long)
    assert rows.gather("value", values) == long
    assert all(len(part.encode("utf-16-le")) <= 64 * 1024 for part in values.values())


@given(st.text(), st.text())
def test_different_texts_have_different_keys(one: str, other: str) -> None:
    assert (keys.safe(one) == keys.safe(other)) == (one == other)


@given(st.text(max_size=2_000))
def test_a_key_is_short_and_holds_nothing_the_service_refuses(text: str) -> None:
    key = keys.safe(text)
    assert len(key) <= 400
    assert key.isascii()
    assert key.isprintable()
    assert not set(key) & set("/\\#?%'")


def test_long_texts_that_differ_at_the_end_have_different_keys() -> None:
    assert keys.safe("é" * 300 + "a") != keys.safe("é" * 300 + "b")


@given(TIMES, TIMES)
def test_newer_runs_sort_first(one: datetime, other: datetime) -> None:
    newer, older = max(one, other), min(one, other)
    if newer - older > timedelta(milliseconds=1):
        assert keys.time(a_run(created=newer)) < keys.time(a_run(created=older))


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_newer_changes_sort_first(one: int, other: int) -> None:
    assert (keys.change(one) < keys.change(other)) == (one > other)


def test_people_find_state_and_due_in_columns_of_their_own() -> None:
    values = rows.run_columns(a_run(due=datetime(2026, 3, 1, tzinfo=UTC)))
    assert (values["state"], values["seq"], values["due"]) == ("received", 0, "2026-03-01T00:00:00+00:00")
