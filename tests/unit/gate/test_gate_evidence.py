"""Evidence: what was judged comes back as it was, and is judged as it was, or by other rules."""

import dataclasses
import io
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.gate import Coded, GateRules, Hearing, judge
from retrain.gate.evidence import Evidence, rejudge
from retrain.gate.facts import CATALOGUE
from tests.unit.gate.tables import CANDIDATE, CHAMPION, numbers, rows_of

STATIONS = ["north", "süd", "", "west\0"] * 75


def hearing(metric="rmse", rows=300, **more):
    days = np.arange(rows) // 30
    fresh, trusted, doubted = (
        rows_of(metric, 0.3, rows, seed, holdout=holdout, unit="day", blocks=days, slices={"station": STATIONS[:rows]})
        for seed, holdout in enumerate(("fresh", "trusted", "doubted"))
    )
    return Hearing(fresh=fresh, trusted=trusted, doubted=doubted, **more)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), st.integers(0, 3), st.booleans(), st.booleans(), st.integers(0, 9))
def test_stored_evidence_gives_the_same_decision_to_the_last_byte(metric, missing, first, unscored, uses):
    more = {"warned": ("odd ü",) * (uses % 2), "doubts": 2, "apart": uses > 4, "unscored": "gone" * unscored}
    heard = hearing(metric, uses=uses, **more)
    heard = dataclasses.replace(heard, **dict.fromkeys(("trusted", "doubted")[: missing % 3], None))
    champion = None if first else CHAMPION
    rules = GateRules(metric=metric, slices=("station",), resamples=200, slice_rows=20)
    stored = Evidence(heard, champion, CANDIDATE).to_bytes()
    assert msgspec.json.encode(rejudge(rules, stored)) == msgspec.json.encode(judge(rules, heard, champion, CANDIDATE))
    assert Evidence.from_bytes(stored).to_bytes() == stored


def test_the_same_evidence_is_the_same_bytes_at_any_time():
    one = Evidence(hearing(), CHAMPION, CANDIDATE).to_bytes()
    time.sleep(2.1)  # a zip file's clock has steps of two seconds
    assert Evidence(hearing(), CHAMPION, CANDIDATE).to_bytes() == one


def test_evidence_comes_back_with_models_holdouts_and_values_of_slices():
    back = Evidence.from_bytes(Evidence(hearing(uses=3), CHAMPION, CANDIDATE).to_bytes())
    assert (back.champion, back.candidate, back.hearing.uses) == (CHAMPION, CANDIDATE, 3)
    table = back.hearing.trusted
    assert (table.holdout, table.unit) == ("trusted", "day")
    coded = table.slices["station"]
    assert isinstance(coded, Coded)
    assert [coded.names[code] for code in coded.codes] == STATIONS
    np.testing.assert_array_equal(table.champion, hearing().trusted.champion)


def test_columns_that_are_no_numbers_are_kept_as_what_they_are_judged_as():
    heard = Hearing(fresh=dataclasses.replace(numbers(), candidate=["high"] * 300))
    stored = Evidence(heard, CHAMPION, CANDIDATE).to_bytes()
    rules = GateRules(metric="rmse")
    assert rejudge(rules, stored) == judge(rules, heard, CHAMPION, CANDIDATE)


def changed_version(content):
    with np.load(io.BytesIO(content)) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    head = kept["head"].tobytes().replace(b'"v":1', b'"v":9')
    out = io.BytesIO()
    np.savez(out, **{**kept, "head": np.frombuffer(head, dtype=np.uint8)})
    return out.getvalue()


def test_bytes_that_are_no_evidence_are_refused():
    content = Evidence(hearing(), CHAMPION, CANDIDATE).to_bytes()
    pickled = io.BytesIO()
    np.savez(pickled, head=np.array([{"v": 1}], dtype=object))
    plain = io.BytesIO()
    np.save(plain, np.zeros(3))
    for wrong in (b"", b"{}", content[:-40], content[:300], pickled.getvalue(), plain.getvalue()):
        with pytest.raises(ValueError, match="no evidence of a decision"):
            Evidence.from_bytes(wrong)
    with pytest.raises(ValueError, match="of version 9"):
        Evidence.from_bytes(changed_version(content))


def test_other_rules_are_tried_on_fifty_candidates_in_milliseconds_each():
    stored = [
        Evidence(
            Hearing(
                fresh=rows_of("auc", 0.1, 6_000, seed, blocks=np.arange(6_000) // 200),
                trusted=rows_of("auc", 0.1, 6_000, seed + 100, blocks=np.arange(6_000) // 200, holdout="trusted"),
            ),
            CHAMPION,
            CANDIDATE,
        ).to_bytes()
        for seed in range(50)
    ]
    start = time.process_time()
    strict = [rejudge(GateRules(metric="auc", min_gain=0.02, trusted_rule="strict"), each) for each in stored]
    spent = time.process_time() - start
    lenient = [rejudge(GateRules(metric="auc", trusted_rule="lenient"), each) for each in stored]
    assert sum(decision.approved for decision in strict) < sum(decision.approved for decision in lenient)
    assert spent / 50 < 0.05  # about 6 ms
