"""What must hold for every batch: order does not matter, units that were always so do not, findings are well formed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.data.baseline import Baseline, Known
from retrain.data.quality.finding import ORDER, milder, worst_first
from retrain.data.quality.judging import judge_batch
from retrain.data.quality.settings import RULES, IntakeRules
from tests.unit.quality.batches import RENTALS, Table, known, month, past
from tests.unit.quality.faults import FAULTS, NEXT, spoiled

DEFAULT = IntakeRules()
PAST = past(NEXT)
FAULTY = st.sampled_from([name for name, (*_, spec) in FAULTS.items() if spec is RENTALS])


def told(batch: Known, baseline: Baseline = PAST) -> list[tuple[str, str, str]]:
    """Findings without what only concerns the order of rows or columns."""
    found = judge_batch(DEFAULT, RENTALS, batch, baseline)
    order = ("time_order", "reordered_columns")
    return sorted((one.rule, one.severity, one.column) for one in found if one.rule not in order)


def shuffled(table: Table, seed: int) -> Table:
    """The same rows and columns in another order."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(next(iter(table.values()))))
    names = rng.permutation(list(table))
    return {str(name): table[str(name)][rows] for name in names}


@settings(max_examples=12, deadline=None)
@given(name=FAULTY, seed=st.integers(0, 1_000))
def test_the_order_of_rows_and_columns_does_not_matter(name: str, seed: int) -> None:
    table = spoiled(name)
    assert told(known(shuffled(table, seed))) == told(known(table))


@settings(max_examples=8, deadline=None)
@given(name=FAULTY, power=st.integers(-6, 6), offset=st.sampled_from([0.0, 64.0, -1024.0]))
def test_a_unit_that_was_always_so_does_not_matter(name: str, power: int, offset: float) -> None:
    def other(table: Table) -> Table:
        """Pressure in another unit: by a power of two, which changes no digit."""
        same = "pressure" not in table or table["pressure"].dtype.kind != "f"
        return table if same else {**table, "pressure": table["pressure"] * 2.0**power + offset * 2.0**power}

    rule, column, _, _ = FAULTS[name]
    if rule == "swapped_columns" or column == "pressure" or "pressure" not in spoiled(name):
        return
    earlier = Baseline(tuple(known(other(month(number)), run=f"bikes~{number}") for number in range(NEXT)))
    plain = [found for found in told(known(spoiled(name))) if found[2] != "pressure"]
    assert [found for found in told(known(other(spoiled(name))), earlier) if found[2] != "pressure"] == plain


@settings(max_examples=12, deadline=None)
@given(name=FAULTY, batches=st.integers(0, NEXT))
def test_every_finding_names_a_rule_and_is_no_worse_than_it(name: str, batches: int) -> None:
    found = judge_batch(DEFAULT, RENTALS, known(spoiled(name)), Baseline(PAST.batches[:batches]) if batches else None)
    assert found == worst_first(found)
    for finding in found:
        assert milder(finding.severity, RULES[finding.rule]) == finding.severity
        assert finding.message
        assert "nan" not in finding.message


@given(st.lists(st.sampled_from(ORDER), min_size=2, max_size=2))
def test_the_milder_of_two_severities_acts_less(pair: list[str]) -> None:
    one, other = pair
    assert ORDER.index(milder(one, other)) == max(ORDER.index(one), ORDER.index(other))  # type: ignore[arg-type]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(100, 10_000), rows=st.integers(200, 2_500))
def test_a_clean_batch_of_any_size_is_not_refused(seed: int, rows: int) -> None:
    table = {**month(seed, rows=rows), "day": np.array(["2027-01-01"] * rows, dtype=object)}
    table["rentals"] = np.maximum(table["rentals"] - 1.5 * (seed - NEXT), 0.0)  # without the stream's growth
    found = judge_batch(DEFAULT, RENTALS, known(table), PAST)
    assert [one.message for one in found if one.severity == "refuse"] == []
