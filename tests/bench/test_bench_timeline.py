"""What a run's time is spent on, from made-up spans: each moment counts once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.timeline import Span, shares

TIMES = st.integers(0, 1000).map(lambda milliseconds: milliseconds / 1000)


def test_a_moment_in_job_and_storage_counts_for_the_job() -> None:
    spent, _ = shares([Span(0.0, 1.0, "job", "training job"), Span(0.2, 0.3, "storage", "get")], 0.0, 1.0)
    assert spent["job"] == 1.0
    assert spent["storage"] == 0.0


def test_long_pauses_are_named_by_what_was_asked_before_and_after() -> None:
    found = [Span(0.0, 0.1, "storage", "get data"), Span(0.5, 0.6, "storage", "put data")]
    spent, pauses = shares(found, 0.0, 0.603)
    (pause,) = pauses
    assert (pause.after, pause.before, round(pause.seconds, 6)) == ("get data", "put data", 0.4)
    assert round(spent["computing"], 6) == 0.4
    assert round(spent["clients"], 6) == 0.003


@given(st.lists(st.tuples(TIMES, TIMES, st.sampled_from(["storage", "Studio", "job"])), max_size=8))
def test_shares_add_up_to_the_whole_time(spans: list[tuple[float, float, str]]) -> None:
    found = sorted((Span(min(a, b), max(a, b), kind, kind) for a, b, kind in spans), key=lambda span: span.begin)
    spent, _ = shares(found, 0.25, 0.75)
    assert abs(sum(spent.values()) - 0.5) < 1e-9
