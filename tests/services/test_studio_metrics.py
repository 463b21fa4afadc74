"""Evaluate Model's CSV in our names of metrics."""

from __future__ import annotations

import contextlib
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.errors import BadConfiguration, BadRequest
from retrain.gate.facts import CATALOGUE
from shared.services.studio.metrics import NAMES, read_evaluation
from shared.services.studio.scores import scores_in_csv


def test_two_class_and_regression_evaluations_are_read() -> None:
    two = "Accuracy,Precision,Recall,F-Score,AUC,Average Log Loss,Training Log Loss\r\n0.8,0.7,0.6,0.65,0.9,0.4,30\r\n"
    assert read_evaluation(two.encode("utf-8-sig")) == {
        "accuracy": 0.8, "precision": 0.7, "recall": 0.6, "f1": 0.65, "auc": 0.9, "log_loss": 0.4,
    }  # fmt: skip
    line = (
        "Negative Log Likelihood,Mean Absolute Error,Root Mean Squared Error,Relative Absolute Error,"
        "Relative Squared Error,Coefficient of Determination\n-Infinity,30.5,42,0.3,0.1,0.9\n"
    )
    assert read_evaluation(line.encode()) == {"mae": 30.5, "rmse": 42.0, "rae": 0.3, "rse": 0.1, "r2": 0.9}


def test_every_metric_that_the_gate_knows_can_be_read() -> None:
    assert set(CATALOGUE) <= set(NAMES.values())


@pytest.mark.parametrize("text", ["", "AUC\n", "AUC\nNaN\n", "AUC\nn/a\n", "a,b\n1,2\n"])
def test_a_file_without_a_usable_metric_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="its columns are"):
        read_evaluation(text.encode())


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert read_evaluation(data)
    with contextlib.suppress(BadRequest, BadConfiguration):
        scores_in_csv([data], None)


@pytest.mark.parametrize("rows", ['"' + "x" * 140_000, "a\rb\n", "only one\n"])
def test_a_broken_score_file_says_where(rows: str) -> None:
    with pytest.raises(BadRequest, match="line 2 is no row of the table"):
        scores_in_csv([b"Job,Scored Labels\n" + rows.encode()], None)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    text=st.text('ab,"\n€ä ', max_size=8),
    size=st.integers(1, 7),
)
def test_scores_are_found_whatever_the_blocks_and_the_other_columns(values: list[float], text: str, size: int) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([text, "Scored Labels", "Scored Probabilities"])
    writer.writerows([text, "yes", value] for value in values)
    data = file.getvalue().encode("utf-8-sig")
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    assert scores_in_csv(blocks, None) == values
    assert scores_in_csv(data.splitlines(keepends=True), "Scored Probabilities") == values


def test_an_empty_score_file_is_refused() -> None:
    with pytest.raises(BadRequest, match="the file is empty"):
        scores_in_csv([], None)
