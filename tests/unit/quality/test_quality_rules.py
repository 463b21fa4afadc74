"""Each rule finds its fault, with column, figure and limit, and is silent on batches that are only new."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from io import BytesIO

import msgspec
import numpy as np
import pytest

from local import bikes
from local.docs import ROOT
from retrain.data.baseline import Baseline, Known
from retrain.data.profile import SplitSpec
from retrain.data.quality.finding import ORDER, Finding
from retrain.data.quality.judging import judge_batch
from retrain.data.quality.settings import RULES, IntakeRules
from retrain.data.quality.view import SEASONS
from retrain.data.reading import read
from tests.unit.quality.batches import BUSY, RENTALS, ROWS, known, month, past
from tests.unit.quality.faults import FAULTS, NEXT, spoiled

DEFAULT = IntakeRules()
PAST = {spec.label: past(NEXT, spec) for spec in (RENTALS, BUSY)}


def judged(name: str, rules: IntakeRules = DEFAULT, baseline: Baseline | None = None) -> tuple[Finding, ...]:
    """What is found of a fault."""
    spec = FAULTS[name][3]
    return judge_batch(rules, spec, known(spoiled(name), spec), baseline or PAST[spec.label])


def acting(findings: tuple[Finding, ...]) -> list[Finding]:
    """Those that keep a batch from being believed."""
    return [finding for finding in findings if finding.severity in ("refuse", "doubt")]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_by_its_rule(name: str) -> None:
    rule, column, _, _ = FAULTS[name]
    found = [finding for finding in judged(name) if finding.rule == rule and finding.column == column]
    assert found, [finding.message for finding in judged(name)]
    (finding,) = found[:1]
    assert not column or repr(column) in finding.message
    assert ORDER.index(finding.severity) >= ORDER.index(RULES[rule])
    for figure in (finding.figure, finding.limit):
        assert figure is None or math.isfinite(figure)


def test_every_rule_has_a_fault_but_those_tried_by_themselves() -> None:
    assert {rule for rule, *_ in FAULTS.values()} == set(RULES) - {"class_gone", "coerced_numbers"}


@pytest.mark.parametrize("spec", [RENTALS, BUSY], ids=lambda spec: spec.kind)
def test_a_clean_stream_has_nothing_that_acts(spec: SplitSpec) -> None:
    baseline = Baseline()
    for number in range(11):
        batch = known(month(number, spec), spec, f"bikes~{number}")
        assert acting(judge_batch(DEFAULT, spec, batch, baseline)) == [], number
        baseline = baseline.extended(batch)


@pytest.mark.parametrize("name", ["labels are shuffled", "a column is a thousand times as large", "rows are doubled"])
def test_a_finding_reads_with_figure_and_limit(name: str) -> None:
    (finding, *_) = acting(judged(name))
    assert re.search(r"the limit is -?[\d.]+|fit those of earlier batches", finding.message)
    assert finding.figure is not None and finding.limit is not None


def test_messages_are_those_of_the_docs() -> None:
    page = (ROOT / "docs" / "intake.md").read_text(encoding="utf-8")
    told = {shape(line.rpartition(" | ")[2].removesuffix(" |")) for line in page.splitlines() if line.startswith("| `")}
    for rule in {rule for rule, *_ in FAULTS.values()}:
        said = {shape(f.message) for name, fault in FAULTS.items() if fault[0] == rule for f in judged(name)}
        assert said & told, rule


def shape(message: str) -> str:
    """A message without what differs from batch to batch."""
    return re.sub(r"'[^']*'", "NAME", re.sub(r"-?\d[\d.,]*", "0", message))


def test_one_fault_is_told_once() -> None:
    for name in ("two columns changed places", "a column is a thousand times as large", "numbers became words"):
        told = [finding.rule for finding in judged(name) if finding.severity != "note"]
        assert set(told) == {FAULTS[name][0]}, name


def test_a_class_that_is_gone_among_several_is_named() -> None:
    baseline = past(NEXT, BUSY)
    classes = {"0": 900, "1": 400, "2": 200}
    batches = tuple(
        msgspec.structs.replace(each.profile, label=msgspec.structs.replace(each.profile.label, classes=classes))
        for each in baseline.batches
    )
    earlier = Baseline(tuple(replace(each, profile=p) for each, p in zip(baseline.batches, batches, strict=True)))
    (gone,) = [f for f in judge_batch(DEFAULT, BUSY, known(month(NEXT, BUSY), BUSY), earlier) if f.rule == "class_gone"]
    assert "'2'" in gone.message
    assert gone.severity == "refuse"


def test_numbers_written_as_texts_are_noted_with_their_share() -> None:
    batch = known(month(NEXT))
    columns = tuple(
        msgspec.structs.replace(column, quoted=750 if column.name == "temp" else 0) for column in batch.profile.columns
    )
    batch = replace(batch, profile=msgspec.structs.replace(batch.profile, columns=columns))
    (note,) = judge_batch(DEFAULT, RENTALS, batch, PAST["rentals"])
    assert (note.rule, note.column, note.figure) == ("coerced_numbers", "temp", 0.5)
    assert "50 %" in note.message


def test_severities_can_be_set_and_rules_silenced() -> None:
    name = "a column is a thousand times as large"
    assert [f.severity for f in judged(name, IntakeRules(severity={"unit": "warn"})) if f.rule == "unit"] == ["warn"]
    assert [f.rule for f in judged(name, IntakeRules(severity={"unit": "off"})) if f.rule == "unit"] == []


def test_a_threshold_is_what_decides() -> None:
    name = "a tenth of the rows is doubled"
    assert acting(judged(name, IntakeRules(duplicates=0.2))) == []
    assert acting(judged("a third of a column is empty", IntakeRules(null_rate=0.4))) == []


def test_calibrated_rules_only_doubt_while_one_batch_is_known() -> None:
    young = Baseline(PAST["rentals"].batches[-1:])
    for name in ("labels are shuffled", "a column is a thousand times as large", "a column is stuck"):
        severities = {finding.severity for finding in acting(judged(name, baseline=young))}
        assert severities == {"doubt"}, name
    assert acting(judged("the last batch comes again in another order", baseline=young))[0].severity == "refuse"


def test_the_first_batch_is_only_refused_for_gross_faults() -> None:
    def alone(name: str) -> set[str]:
        spec = FAULTS[name][3]
        return {finding.rule for finding in acting(judge_batch(DEFAULT, spec, known(spoiled(name), spec), None))}

    assert alone("there are thirty rows") == {"few_rows"}
    assert alone("rows are doubled") == {"duplicate_rows"}
    assert alone("all labels are the same") == {"constant_label"}
    assert alone("labels are shuffled") == set()


def test_a_new_season_after_one_batch_is_told_but_not_doubted() -> None:
    young = Baseline(PAST["rentals"].batches[-1:])
    for name in ("a fifth of the names is new", "a column is drawn together"):
        assert acting(judged(name, baseline=young)) == [], name


BIKES = SplitSpec(label=bikes.LABEL, kind="regression", time=bikes.TIME)


def rentals(*months: str) -> Known:
    """Real months as one batch."""
    return read(BytesIO(bikes.months(*months).encode()), BIKES, BytesIO).known(months[0])


@pytest.mark.parametrize("later", ["2011-05", "2011-06", "2011-07"])
def test_summer_after_winter_is_not_doubted(later: str) -> None:
    winter = rentals("2011-01", "2011-02")
    for earlier in (Baseline((winter,)), Baseline((winter, rentals("2011-03")))):
        assert acting(judge_batch(DEFAULT, BIKES, rentals(later), earlier)) == []


def test_the_first_new_season_is_told() -> None:
    winter = Baseline((rentals("2011-01"), rentals("2011-02")))
    (told,) = [f for f in judge_batch(DEFAULT, BIKES, rentals("2011-03"), winter) if f.rule == "unseen_categories"]
    assert (told.severity, told.column) == ("warn", "season")


@pytest.mark.parametrize("first", ["2011-01", "2011-04", "2011-07", "2011-10"])
def test_real_months_are_not_doubted_while_the_seasons_are_new(first: str) -> None:
    everything, baseline = bikes.every_month(), Baseline()
    for name in everything[everything.index(first) :][:8]:
        batch = rentals(name)
        assert acting(judge_batch(DEFAULT, BIKES, batch, baseline)) == [], name
        baseline = baseline.extended(batch)


@pytest.mark.parametrize("name", ["a column is in miles", "a tenth of a column is in Fahrenheit"])
def test_a_unit_that_a_season_may_look_like_is_told_once_seasons_are_known(name: str) -> None:
    told = {"unit", "mixed_units"}
    few, enough = (Baseline(PAST["rentals"].batches[-many:]) for many in (SEASONS - 1, SEASONS))
    assert told.isdisjoint(finding.rule for finding in judged(name, baseline=few))
    assert not told.isdisjoint(finding.rule for finding in acting(judged(name, baseline=enough)))


def test_codes_that_are_mostly_numbers_may_be_only_numbers_once() -> None:
    def coded(number: int) -> dict[str, np.ndarray]:
        codes = ["12", "17", "33", "A1" if number < NEXT else "44"]
        return {**month(number), "station": np.random.default_rng(number).choice(codes, ROWS).astype(object)}

    earlier = Baseline(tuple(known(coded(number), run=f"bikes~{number}") for number in range(NEXT)))
    now = {**coded(NEXT), "station": coded(NEXT)["station"].astype(float)}
    (found,) = acting(judge_batch(DEFAULT, RENTALS, known(now), earlier))
    assert (found.rule, found.severity) == ("column_type", "doubt")


def test_a_drifting_column_is_not_held_to_a_still_ones_limit() -> None:
    def drifted(number: int) -> dict[str, np.ndarray]:
        table = month(number)
        return {**table, "pressure": table["pressure"] + 12.0 * number}

    earlier = Baseline(tuple(known(drifted(number), run=f"bikes~{number}") for number in range(NEXT)))
    assert acting(judge_batch(DEFAULT, RENTALS, known(drifted(NEXT)), earlier)) == []
