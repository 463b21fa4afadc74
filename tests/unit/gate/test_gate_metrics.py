"""Metrics agree with scikit-learn, and follow from sums over any rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.gate.facts import CATALOGUE
from retrain.gate.metrics import METRICS
from tests.unit.gate.witnesses import SCIKIT

TIED = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
ANY = st.floats(-1e6, 1e6)


def rows(kind):
    """Lists of (label, prediction); classification lists always hold both classes and many tied scores."""
    if kind == "regression":
        return st.lists(st.tuples(ANY, ANY), min_size=2, max_size=40)
    row = st.tuples(st.sampled_from([0.0, 1.0]), TIED)
    return st.tuples(st.lists(row, max_size=40), TIED, TIED).map(lambda t: [*t[0], (0.0, t[1]), (1.0, t[2])])


@pytest.mark.parametrize("name", METRICS)
@given(data=st.data())
def test_metric_agrees_with_scikit_learn(name, data):
    labels, scores = np.array(data.draw(rows(CATALOGUE[name].kind))).T
    assert METRICS[name].compute(labels, scores) == pytest.approx(SCIKIT[name](labels, scores), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].parts])
@given(data=st.data())
def test_the_sums_of_any_rows_give_the_value_on_them(name, data):
    metric = METRICS[name]
    labels, scores = np.array(data.draw(rows(metric.facts.kind))).T
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels))))
    above, below = metric.parts(labels, scores)
    repeated = np.repeat(np.arange(len(labels)), counts)
    if len(repeated):
        plain = metric.compute(labels[repeated], scores[repeated])
        weighted = metric.of_sums(above @ counts, below @ counts)
        assert weighted == pytest.approx(plain, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", METRICS)
@given(data=st.data())
def test_no_constant_beats_the_trivial_one(name, data):
    metric = METRICS[name]
    labels = np.array(data.draw(rows(metric.facts.kind))).T[0]
    other = data.draw(TIED if metric.facts.kind == "classification" else ANY)
    best = metric.compute(labels, np.full(len(labels), metric.trivial(labels)))
    value = metric.compute(labels, np.full(len(labels), other))
    assert float(metric.gain(value, best)) <= 1e-9 * max(1.0, abs(best))


@pytest.mark.parametrize("name", METRICS)
def test_skill_is_zero_for_the_trivial_and_one_for_the_perfect_prediction(name):
    labels = np.array([0.0, 1.0, 0.0, 1.0, 0.0])
    metric = METRICS[name]
    assert metric.skill(labels, np.full(5, metric.trivial(labels))) == pytest.approx(0, abs=1e-12)
    assert metric.skill(labels, labels) == pytest.approx(1, abs=1e-9)


def test_auc_of_one_class_is_undefined_instead_of_an_error():
    assert np.isnan(METRICS["auc"].compute(np.ones(5), np.linspace(0, 1, 5)))


def test_the_catalogue_and_the_computations_name_the_same_metrics():
    assert {name: metric.facts for name, metric in METRICS.items()} == CATALOGUE
