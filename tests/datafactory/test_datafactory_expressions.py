"""The expression language of pipelines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.services.datafactory.expressions import FUNCTIONS, BadExpression, evaluated

FACTS: dict[str, Any] = {
    **FUNCTIONS,
    "pipeline": lambda: {"parameters": {"path": "in/a.csv", "n": 3, "list": ["x", "y"]}, "RunId": "run-1"},
    "activity": lambda name: {"output": {"first": {"deep": [10, 20]}, "name": name}},
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain text", "plain text"),
        ("@@at", "@at"),
        ("a@b.c", "a@b.c"),
        ("@pipeline().parameters.path", "in/a.csv"),
        ("@pipeline().Parameters.PATH", "in/a.csv"),
        ("@pipeline().parameters.n", 3),
        ("@pipeline().parameters['path']", "in/a.csv"),
        ("@pipeline().parameters.list[1]", "y"),
        ("@{pipeline().parameters.n}", "3"),
        ("out/@{pipeline().parameters.n}/@{pipeline().RunId}.csv", "out/3/run-1.csv"),
        ("@@{pipeline().RunId}", "@{pipeline().RunId}"),
        ("@concat('a', pipeline().RunId, '''s ', string(2))", "arun-1's 2"),
        ("@activity('train').output.first.deep[0]", 10),
        ("@activity('train')?.output?.nothing", None),
        ("@if(equals(length(pipeline().parameters.list), 2), 'two', 'other')", "two"),
        ("@coalesce(activity('a')?.output?.nothing, 'rest')", "rest"),
        ("@replace(toUpper('a-b'), '-', '_')", "A_B"),
        ("@join(split('a/b/c', '/'), '+')", "a+b+c"),
        ("@and(true, not(false))", True),
        ("@json('{\"k\": [1]}').k[0]", 1),
        ("@uriComponent('a b&c')", "a%20b%26c"),
    ],
)
def test_an_expression_means_what_its_documentation_says(written: str, meant: Any) -> None:
    assert evaluated(written, FACTS) == meant


def test_expressions_are_found_at_any_depth_and_as_objects() -> None:
    given = {
        "a": [{"b": "@pipeline().RunId"}],
        "c": {"value": "@pipeline().parameters.n", "type": "Expression"},
        "d": 1,
    }
    assert evaluated(given, FACTS) == {"a": [{"b": "run-1"}], "c": 3, "d": 1}


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("@nonsense()", "there is no function 'nonsense'"),
        ("@pipeline().parameters.other", "property 'other' doesn't exist"),
        ("@concat('a'", "Unable to parse"),
        ("@concat('a') b", "Unable to parse"),
        ("@", "Unable to parse"),
        ("x@{pipeline().RunId", "Unable to parse"),
        ("@int('many')", "cannot be evaluated"),
        ("@pipeline().parameters.list[7]", "property 7 doesn't exist"),
    ],
)
def test_a_bad_expression_says_what_is_wrong(written: str, complaint: str) -> None:
    with pytest.raises(BadExpression, match=complaint.replace("(", r"\(").replace(")", r"\)")):
        evaluated(written, FACTS)


@given(st.text())
def test_any_text_can_be_quoted_in_an_expression(text: str) -> None:
    quoted = text.replace("'", "''")
    assert evaluated(f"@concat('{quoted}')", FACTS) == text
    assert evaluated(f"<@{{concat('{quoted}')}}>", FACTS) == f"<{text}>"


@given(st.text())
def test_a_text_is_evaluated_or_refused_and_nothing_else(text: str) -> None:
    try:
        evaluated(text, FACTS)
    except BadExpression:
        assert "@" in text
