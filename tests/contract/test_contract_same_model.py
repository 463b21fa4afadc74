"""The same data make the same model, whichever service trains it and whichever serves it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from retrain.ports import JobState

from .cases import SCENES, Case

CLOSE = 1e-9  # absolute and relative: scores cross the wire as text


def test_one_csv_through_every_trainer_is_scored_alike_by_every_service(case_of: Callable[[str], Case]) -> None:
    cases = [case_of(name) for name in SCENES]
    models = {type(case.trainer).__name__: case.trained() for case in cases}
    assert len(models) > 2
    answers = []
    for case in {type(case.endpoint): case for case in cases}.values():
        for trained in models.values():
            assert case.given(case.staging, trained).state is JobState.SUCCEEDED
            answers.append(case.scores(case.staging))
    assert len(answers) > 8
    assert len({round(score, 3) for score in answers[0]}) > 3, "the model tells rows apart"
    for scores in answers[1:]:
        assert scores == pytest.approx(answers[0], rel=CLOSE, abs=CLOSE)
