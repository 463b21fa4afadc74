"""The gate on a real table: Washington's rental bikes, July 2011, judged against a model trained in January.

What "higher is better" would have done is computed beside it, because that is the rule the gate replaces.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from retrain.gate import GateRules, Hearing, ModelId, ScoreTable, judge

BIKES = Path(__file__).parents[3] / "data" / "bike_dc_hourly.csv.gz"
WORDS = ["season", "holiday", "dow", "workingday", "weathersit", "hour"]
NUMBERS = ["temp", "hum", "windspeed"]


def trained(rows):
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), WORDS), (StandardScaler(), NUMBERS))
    return make_pipeline(columns, Ridge()).fit(rows[WORDS + NUMBERS], rows["cnt"])


def parted(rows):
    """The newest 30 % of the days are held out."""
    days = sorted(rows["day"].unique())
    fresh = rows["day"].isin(days[-round(0.3 * len(days)) :])
    return rows[~fresh], rows[fresh]


def compared(candidate, champion, holdout):
    inputs = holdout[WORDS + NUMBERS]
    days = pd.factorize(holdout["day"])[0]
    table = ScoreTable(holdout["cnt"], candidate.predict(inputs), champion.predict(inputs), days, unit="day")
    ids = (ModelId(name=name, sha256=name) for name in ("champion", "candidate"))
    return judge(GateRules(metric="rmse"), Hearing(fresh=table), *ids)


@pytest.fixture(scope="module")
def bikes():
    return pd.read_csv(BIKES)


@pytest.fixture(scope="module")
def champion(bikes):
    return trained(parted(bikes[bikes["day"].str.startswith("2011-01")])[0])


def test_july_is_approved_with_skill(bikes, champion):
    train, holdout = parted(bikes[bikes["day"].str.startswith("2011-07")])
    decision = compared(trained(train), champion, holdout)
    assert decision.approved, decision.reason
    assert decision.blocks == 9
    assert decision.gain > 30


@pytest.mark.parametrize("seed", range(5))
def test_july_with_shuffled_labels_is_refused_although_its_score_is_higher(bikes, champion, seed):
    july = bikes[bikes["day"].str.startswith("2011-07")].copy()
    july["cnt"] = np.random.default_rng(seed).permutation(july["cnt"])
    train, holdout = parted(july)
    decision = compared(trained(train), champion, holdout)
    assert decision.candidate_value < decision.champion_value  # "higher is better" promotes this
    assert decision.gain_interval[0] > 0  # and so does an interval on the new holdout alone
    assert not decision.approved
    assert decision.data == "refused"
    assert "skill" in decision.reason
