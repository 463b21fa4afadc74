"""Expressions that split rows, and filters of runs: rules for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.services.azureml.expressions import BadExpression, regular, relational
from local.services.azureml.history import chosen
from local.services.azureml.records import Graph, PipelineRun
from local.services.engine.tables import Table

TABLE = Table(
    ["age", "native country", "day"],
    {
        "age": ["17", "30", "", "64.5"],
        "native country": ["United-States", "Mexico", "", "United-Kingdom"],
        "day": ["2011-01-01", "2012-06-30T12:00:00", "", "2012-12-31"],
    },
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r'\"native country" ==United-States', [0]),
        (r'\"native country" == "United-States"', [0]),
        (r'"native country" != United-States', [1, 2, 3]),
        (r"\"native country\" == Mexico | ==", [1, 2]),
        (r'\"age" >=30', [1, 3]),
        (r'\"age" >17 & <64.5', [1]),
        (r'\"age" ==17 | >60', [0, 3]),
        (r"(\1) <= 30 & !=17", [1]),
        (r'\"age" !=17', [1, 3]),
        (r'\"day" > 2012-06-30', [1, 3]),
        (r'\"day" >=2011-01-01 & <2012-01-01', [0]),
    ],
)
def test_a_relational_expression_chooses_rows(expression: str, expected: list[int]) -> None:
    assert [row for row, chosen_ in enumerate(relational(TABLE, expression)) if chosen_] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [(r'\"native country" ^United', [0, 3]), (r"(\2) States|Mexico", [0, 1]), (r'\"age" ^$', [2])],
)
def test_a_regular_expression_chooses_rows(expression: str, expected: list[int]) -> None:
    assert [row for row, chosen_ in enumerate(regular(TABLE, expression)) if chosen_] == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("age > 3", "does not begin with a column"),
        (r'\"colour" ==red', "no column 'colour'"),
        (r"(\4) >1", "no column 4"),
        (r'\"age" >old', "'old' is not a number"),
        (r'\"age" 17', "not a comparison"),
        (r'\"age" >1 &', "not a comparison"),
        (r'\"native country" >M', "== and != only"),
        (r'\"day" >monday', "not an ISO 8601 date"),
    ],
)
def test_an_expression_that_does_not_fit_says_why(expression: str, said: str) -> None:
    with pytest.raises(BadExpression, match=said):
        relational(TABLE, expression)


def test_a_broken_regular_expression_says_why() -> None:
    with pytest.raises(BadExpression, match="not a regular expression"):
        regular(TABLE, r'\"age" (')


@given(st.lists(st.integers(-50, 50), min_size=1), st.integers(-50, 50))
def test_comparisons_and_their_opposites_divide_all_rows(values: list[int], limit: int) -> None:
    table = Table(["n"], {"n": [str(value) for value in values]})
    for sign, opposite in (("<", ">="), (">", "<="), ("==", "!=")):
        one, other = (relational(table, rf'\"n" {s}{limit}') for s in (sign, opposite))
        assert [not chosen_ for chosen_ in one] == other


def run_with(tags: dict[str, str]) -> PipelineRun:
    return PipelineRun(
        id="r", created=0, workspace="w", experiment="e", number=1, graph_id="g", graph=Graph(), tags=tags
    )


@given(st.text(min_size=1), st.text())
def test_any_tag_in_quotes_finds_its_run(value: str, other: str) -> None:
    quoted = "'" + value.replace("'", "''") + "'"
    assert chosen(f"Tags/name eq {quoted}")(run_with({"name": value}))
    assert chosen(f"Tags/name eq {quoted}")(run_with({"name": other})) is (other == value)
