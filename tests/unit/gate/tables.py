"""Scored holdouts for tests: of two models of known quality on made-up rows."""

import dataclasses

import numpy as np

from retrain.gate import GateRules, Hearing, ModelId, ScoreTable, judge
from retrain.gate.facts import CATALOGUE

SHOWN = f"{GateRules(metric='auc').confidence * 100:g} % confidence"
"""How the default confidence is said."""
ERROR = (1 - GateRules(metric="auc").confidence) / 2
"""The share of equal candidates that may pass, by the default settings."""
CHAMPION = ModelId(name="version 3", sha256="c" * 64)
CANDIDATE = ModelId(name="run bikes~1", sha256="d" * 64)


def numbers(candidate=0.5, champion=0.5, rows=300, seed=0, turned=False, **changes):
    """A regression: each model's errors have this standard deviation, beside labels of 1. `turned` negates labels."""
    random = np.random.default_rng([seed, rows])
    labels = random.normal(size=rows)
    scores = [labels + error * random.normal(size=rows) for error in (candidate, champion)]
    return dataclasses.replace(ScoreTable(-labels if turned else labels, *scores), **changes)


def measured(factor, rows=300, seed=0):
    """A regression in which the candidate's RMSE is exactly so many times the champion's, which is about 0.5."""
    random = np.random.default_rng([seed, rows])
    labels, errors = random.normal(size=rows), 0.5 * random.normal(size=rows)
    return ScoreTable(labels, labels + factor * random.permutation(errors), labels + errors)


def classes(candidate=0.3, champion=0.3, rows=300, seed=0, turned=False, **changes):
    """A classification: each model's scores hold so much of the label, the rest is noise. `turned` swaps the labels."""
    random = np.random.default_rng([seed, rows])
    labels = (random.random(rows) < 0.4).astype(float)
    scores = [np.clip(share * labels + (1 - share) * random.random(rows), 0, 1) for share in (candidate, champion)]
    return dataclasses.replace(ScoreTable(1 - labels if turned else labels, *scores), **changes)


def rows_of(metric, better, rows=300, seed=0, **changes):
    """Rows for a metric on which the candidate is better (1), as good (0) or worse (-1)."""
    if CATALOGUE[metric].kind == "regression":
        return numbers(0.5 - 0.25 * better, 0.5, rows, seed, **changes)
    return classes(0.35 + 0.25 * better, 0.35, rows, seed, **changes)


def swapped(table):
    return dataclasses.replace(table, candidate=table.champion, champion=table.candidate)


def ask(rules, fresh, champion=CHAMPION, candidate=CANDIDATE, **more):
    """The decision on a hearing of these holdouts."""
    named = {name: more[name] for name in ("trusted", "doubted") if more.get(name) is not None}
    holdouts = {name: dataclasses.replace(table, holdout=name) for name, table in named.items()}
    return judge(rules, Hearing(fresh=fresh, **{**more, **holdouts}), champion, candidate)


def failed(decision):
    """The rules that failed."""
    return {finding.rule for finding in decision.findings if finding.verdict == "fail"}


def noted(decision):
    """The rules that only informed."""
    return {finding.rule for finding in decision.findings if finding.verdict == "note"}
