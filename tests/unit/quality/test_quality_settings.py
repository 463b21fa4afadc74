"""The table of intake in a configuration, and what a release makes of findings."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from retrain.configuration import read
from retrain.data.quality.finding import Finding
from retrain.data.quality.report import File, Report, advice
from retrain.data.quality.settings import RULES, IntakeRules
from retrain.errors import BadConfiguration
from retrain.quarantine import COLUMNS, KNOWN_ALREADY, may_be_released
from shared.wiring import ENDPOINTS, TRAINERS
from tests.cli.conftest import CONFIGURED, MODEL

KINDS = {"trainers": TRAINERS, "endpoints": ENDPOINTS}


def configured(intake: str) -> IntakeRules:
    """The rules of a model with this table."""
    return read(f"{CONFIGURED}\n[models.{MODEL}.intake]\n{intake}", **KINDS)[MODEL].intake  # type: ignore[arg-type]


def test_without_a_table_the_defaults_hold_and_they_are_sound() -> None:
    assert configured("") == IntakeRules()
    assert IntakeRules().problems() == []
    assert {rule: IntakeRules().severity_of(rule) for rule in RULES} == RULES


def test_a_table_is_read_with_its_severities() -> None:
    rules = configured('min_rows = 200\nseverity = { range = "off", unit = "doubt" }')
    assert (rules.min_rows, rules.severity_of("range"), rules.severity_of("unit")) == (200, "off", "doubt")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("null_rate = 1.5", "null_rate is 1.5; it must be a share from 0 to 1"),
        ("factor = 0.5", "factor is 0.5; it must be at least 1"),
        ("min_rows = 0", "min_rows is 0"),
        ('severity = { unitt = "off" }', "did you mean 'unit'"),
        ('severity = { unit = "ignore" }', "ignore"),
        ("nulls = 0.1", "unknown key 'nulls'"),
    ],
)
def test_a_mistake_is_named_with_its_line(table: str, says: str) -> None:
    with pytest.raises(BadConfiguration) as caught:
        configured(table)
    (problem,) = caught.value.problems
    assert says in problem
    assert problem.startswith("line ")


def test_only_what_can_be_trained_on_may_be_released() -> None:
    assert may_be_released(["unit", "few_rows"])
    assert not may_be_released([])
    assert not any(may_be_released([rule, "unit"]) for rule in COLUMNS)
    assert set(RULES) >= COLUMNS | KNOWN_ALREADY


def test_a_report_tells_people_first_what_is_wrong_then_what_to_do() -> None:
    findings = (
        Finding(
            rule="unit", severity="refuse", message="the column 'hum' is in another unit", column="hum", figure=0.9
        ),
        Finding(rule="range", severity="warn", message="9 % of the values of 'temp' lie beyond 1 to 2"),
    )
    report = Report(
        run="bikes~1",
        files=(File(blob="training-data/bikes/june.csv", etag="1", size=12_345),),
        problems=(findings[0].message,),
        at=datetime(2026, 1, 1, 12, tzinfo=UTC),
        releasable=True,
        what_to_do=advice("bikes~1", releasable=True),
        findings=findings,
    )
    text = report.as_text().decode()
    places = [text.index(part) for part in ("12,345 bytes", "'hum'", "retrain release bikes~1", "'temp'")]
    assert places == sorted(places)
    told = msgspec.json.decode(report.as_json())
    assert told["findings"][0] == {
        "rule": "unit", "severity": "refuse", "message": findings[0].message, "column": "hum", "figure": 0.9
    }  # fmt: skip
    assert told["whatToDo"][-1].startswith("if the data is right as it is")
