"""What the status page says of a champion that proved worse than the model before it."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from retrain.champion import Champion, Review
from retrain.run import Actor
from shared.api.pages import standing

AT = datetime(2026, 3, 1, tzinfo=UTC)
ASKED = Review(run="bikes~1", at=AT, worse=True, why="worse: RMSE 52 < 60", asked=True)
CHAMPION = Champion(target="bikes", version=4, origin=4, since=AT, review=ASKED)


def test_a_person_who_is_asked_is_told_why_and_both_answers() -> None:
    told = standing("bikes", CHAMPION)
    for part in ("RMSE 52 &lt; 60", "retrain rollback bikes", "retrain keep bikes"):
        assert part in told


def test_nobody_is_asked_once_somebody_answered_or_where_nobody_is_to_be() -> None:
    answered = msgspec.structs.replace(ASKED, answered=Actor(kind="person", id="ana"), answer="strikes")
    for review in (answered, msgspec.structs.replace(ASKED, asked=False), None):
        assert "keep" not in standing("bikes", msgspec.structs.replace(CHAMPION, review=review))
