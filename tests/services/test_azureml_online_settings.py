"""Settings of `azureml-online`, and what is sent and read on the wire of scoring, without any service."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import BadConfiguration, BadRequest, Unavailable
from retrain.ports import Rows
from shared.services.azureml.online import AzureMlOnlineSettings
from shared.services.azureml.online_scoring import request, scores
from shared.services.azureml.online_traffic import ALL, main, moved, next_share, steps_problems

WORKSPACE = (
    "https://management.azure.com/subscriptions/S/resourceGroups/G/providers/"
    "Microsoft.MachineLearningServices/workspaces/W"
)
GIVEN: dict[str, Any] = {
    "workspace": WORKSPACE,
    "endpoint": "income",
    "registry": "income",
    "datastores": {"candidates": "a", "champions": "b"},
}
steps = st.lists(st.integers(1, 99), unique=True, max_size=6).map(lambda found: [*sorted(found), ALL])
shares = st.dictionaries(st.sampled_from(["blue", "green", "red"]), st.integers(0, 100), max_size=3)


def problems(**settings: Any) -> str:
    return "\n".join(AzureMlOnlineSettings(**{**GIVEN, **settings}).problems())


def test_the_least_that_is_needed_is_enough() -> None:
    assert problems() == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"workspace": "https://example.com/W"}, "workspace"),
        ({"datastores": {"candidates": "a"}}, "champions lacks one"),
        ({"scores": "job", "component": "score:1"}, "runs lacks one"),
        ({"scores": "job", "datastores": {"runs": "c", "candidates": "a", "champions": "b"}}, "needs component"),
        ({"component": "score"}, "component"),
        ({"key": "the-key-itself"}, "key must be env:NAME"),
        ({"traffic": ()}, "must rise"),
        ({"traffic": (50, 10, 100)}, "must rise"),
        ({"traffic": (10, 50)}, "must rise"),
        ({"traffic": (0, 100)}, "must rise"),
        ({"bake": -1.0}, "bake"),
        ({"rows_per_call": 0}, "rows_per_call"),
        ({"instances": 51}, "instances"),
        ({"settle": 4000.0}, "settle"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], said: str) -> None:
    assert said in problems(**settings)
    assert "the-key-itself" not in problems(**settings)


@given(steps)
def test_steps_end_with_all_the_traffic_and_never_fall(found: list[int]) -> None:
    assert steps_problems(found) == []
    seen, share = [], 0
    while share < ALL:
        seen.append(share := next_share(share, found))
    assert seen == found
    assert all(one < other for one, other in pairwise(seen))


@given(shares, st.integers(1, 100))
def test_moved_traffic_sums_up_to_all_and_gives_the_share(before: dict[str, int], share: int) -> None:
    after = moved(before, "new", share)
    assert sum(after.values()) == ALL
    assert after["new"] == (share if main(before) else ALL)
    assert set(after) <= {"new", main(before)} - {""}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_predictions_are_read_in_every_form(values: list[float]) -> None:
    records = [{"id": "x", "Scored Probabilities": value} for value in values]
    forms = [values, records, [[1 - value, value] for value in values], {"predictions": values}, {"result": records}]
    for form in forms:
        assert scores(form, len(values), None) == values
    assert scores([{"p": value} for value in values], len(values), "p") == values


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"message": "no"}, Unavailable),
        ([1.0, 2.0], BadRequest),
        (["yes"], BadRequest),
        ([math.nan], BadRequest),
        ([None], BadRequest),
        ([{"other": 1.0}], BadConfiguration),
    ],
)
def test_an_answer_without_a_prediction_for_each_row_is_refused(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        scores(answer, 1, None)


def test_numbers_go_as_numbers_but_for_columns_that_are_text() -> None:
    rows = Rows(columns=("age", "zip", "note"), values=(("39", "01234", ""), ("2.5", "7", "1_0"), ("nan", "9", "x")))
    data = request("split", rows, ("zip",))["input_data"]["data"]
    assert data == [[39, "01234", None], [2.5, "7", "1_0"], [None, "9", "x"]]
    assert request("records", rows, ())["input_data"][0] == {"age": 39, "zip": 1234, "note": None}
