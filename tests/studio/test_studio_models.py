"""Learning itself: equal to scikit-learn's own, deterministic, safe to load; and how columns become numbers."""

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.preprocessing
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from studio_lab import classes_csv
from threadpoolctl import threadpool_limits

from local.services.engine import estimators, learners, metrics, modelfile, scoring, tables, training
from local.services.engine.records import Column
from tests.lines import rows_csv

BIKES = Path(__file__).parents[2] / "data" / "bike_dc_hourly.csv.gz"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the workers: threads that spin on busy cores make small models slow."""
    with threadpool_limits(1):
        yield


def table(text: str, tmp_path: Path, name: str = "data.csv") -> tables.Table:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return tables.read_csv(path, name)


def train(data: tables.Table, task: str, label: str, learner: str, **changed: str) -> training.Trained:
    parameters = {name: value or "" for name, value in learners.defaults(task, label, learner, changed).items()}
    return training.train(data, learners.plan(task, parameters), parameters)


def scores(model: bytes, data: tables.Table) -> list[float]:
    return [float(row[-1]) for row in scoring.score(modelfile.unpack(model), data).rows]


def test_a_ridge_predicts_what_scikit_learn_trained_directly_predicts(tmp_path: Path):
    random = np.random.default_rng(3)
    numbers = random.normal(size=(200, 2)) * [3, 40] + [1, -5]
    kinds = random.choice(["p", "q", "r"], 200)
    truth = numbers @ [2.0, -0.3] + (kinds == "q") * 4 + random.normal(size=200)
    lines = [f"{a!r},{b!r},{k},{y!r}" for (a, b), k, y in zip(numbers.tolist(), kinds, truth.tolist(), strict=True)]
    data = table("\n".join(["a,b,k,y", *lines]), tmp_path)
    scaled = sklearn.preprocessing.StandardScaler().fit_transform(numbers)
    dummies = np.stack([kinds == kind for kind in ("p", "q", "r")], axis=1).astype(float)
    direct = sklearn.linear_model.Ridge(alpha=0.5).fit(np.hstack([scaled, dummies]), truth)
    ours = scores(train(data, "regression", "y", "ridge", **{"L2 Weight": "0.5"}).model, data)
    assert ours == pytest.approx(direct.predict(np.hstack([scaled, dummies])), rel=1e-9)


def test_a_logistic_regression_gives_scikit_learns_probabilities(tmp_path: Path):
    data = table(classes_csv(), tmp_path)
    points = np.array([list(map(float, data.columns[name])) for name in ("u", "v")]).T
    scaled = sklearn.preprocessing.StandardScaler().fit_transform(points)
    truth = np.array(data.columns["answer"]) == "Yes"
    direct = sklearn.linear_model.LogisticRegression(C=1.0, max_iter=1000).fit(scaled, truth)
    ours = scores(train(data, "classification", "answer", "logistic-regression").model, data)
    assert ours == pytest.approx(direct.predict_proba(scaled)[:, 1], rel=1e-6)


def test_boosted_trees_equal_scikit_learns_on_the_same_columns(tmp_path: Path):
    random = np.random.default_rng(4)
    points = random.normal(size=(300, 3))
    truth = np.sin(points[:, 0] * 2) + points[:, 1] ** 2
    lines = [",".join(map(repr, [*row, y])) for row, y in zip(points.tolist(), truth.tolist(), strict=True)]
    data = table("\n".join(["a,b,c,y", *lines]), tmp_path)
    scaled = sklearn.preprocessing.StandardScaler().fit_transform(points)
    direct = HistGradientBoostingRegressor(max_iter=30, random_state=0, early_stopping=False).fit(scaled, truth)
    ours = scores(train(data, "regression", "y", "boosted-trees", Iterations="30").model, data)
    assert ours == direct.predict(scaled).tolist()


def test_on_real_bike_data_boosted_trees_beat_a_ridge_by_far(tmp_path: Path):
    lines = gzip.decompress(BIKES.read_bytes()).decode().splitlines()
    data = table("\n".join([lines[0], *lines[1::3]]), tmp_path)
    error = {
        learner: train(data, "regression", "cnt", learner, Iterations="60").metrics["Root Mean Squared Error"]
        for learner in ("ridge", "boosted-trees")
    }
    assert 120 < error["ridge"] < 160
    assert error["boosted-trees"] < error["ridge"] / 2


@pytest.mark.parametrize("learner", learners.LEARNERS["regression"])
def test_the_same_bytes_and_parameters_give_the_same_predictions(tmp_path: Path, learner: str):
    data = table(rows_csv(), tmp_path)
    first, second = (train(data, "regression", "y", learner, Trees="5", Iterations="10") for _ in range(2))
    assert scores(first.model, data) == scores(second.model, data)
    assert first.metrics == second.metrics


def test_the_seed_changes_a_random_split_and_not_the_last_rows(tmp_path: Path):
    data = table(classes_csv(), tmp_path)
    for mode, same in (("random", False), ("last", True)):
        found = [
            train(data, "classification", "answer", "logistic-regression", Seed=seed, **{"Split Mode": mode}).metrics
            for seed in ("1", "2")
        ]
        assert (found[0] == found[1]) is same


def test_the_final_model_is_trained_on_all_rows(tmp_path: Path):
    data = table(rows_csv(), tmp_path)
    some = train(data, "regression", "y", "ridge", **{"Split Fraction": "0.5"})
    most = train(data, "regression", "y", "ridge", **{"Split Fraction": "0.9"})
    assert scores(some.model, data) == scores(most.model, data)
    assert modelfile.header_of(some.model).rows == 60


def test_metrics_agree_with_scikit_learns(tmp_path: Path):
    random = np.random.default_rng(5)
    truth, predicted = random.normal(size=50), random.normal(size=50)
    found = metrics.regression(truth, predicted)
    assert found["Coefficient of Determination"] == pytest.approx(r2_score(truth, predicted))
    assert found["Relative Squared Error"] == pytest.approx(1 - r2_score(truth, predicted))
    labels, probability = (random.random(50) > 0.6).astype(int), random.random(50)
    judged = metrics.classification(labels, probability)
    assert judged["AUC"] == pytest.approx(roc_auc_score(labels, probability))
    assert judged["Average Log Loss"] == pytest.approx(log_loss(labels, probability))
    rate = labels.mean()
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    assert judged["Training Log Loss"] == pytest.approx(100 * (1 - judged["Average Log Loss"] / entropy))


def test_the_positive_class_is_the_last_unless_it_is_named(tmp_path: Path):
    data = table(classes_csv(), tmp_path)
    usual = train(data, "classification", "answer", "logistic-regression").model
    named = train(data, "classification", "answer", "logistic-regression", **{"Positive Class": "No"}).model
    assert modelfile.header_of(usual).classes == ("No", "Yes")
    assert modelfile.header_of(named).classes == ("Yes", "No")
    assert np.add(scores(usual, data), scores(named, data)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "parameters", "said"),
    [
        (classes_csv().replace("No", "Yes"), {}, "has 1: Yes"),
        (classes_csv().replace("No", "Maybe", 1), {}, "has 3: Maybe, No, Yes"),
        (classes_csv(), {"Positive Class": "Oui"}, "'Oui' is not one of No, Yes"),
        (classes_csv(), {"Excluded Columns": "u, v"}, "No column is left"),
        (classes_csv(), {"Categorical Columns": "w"}, "no column 'w'"),
    ],
)
def test_data_that_does_not_suit_is_refused_with_a_reason(tmp_path: Path, text: str, parameters: dict, said: str):
    with pytest.raises(training.CannotTrain, match=said):
        train(table(text, tmp_path), "classification", "answer", "logistic-regression", **parameters)


def test_columns_are_told_apart(tmp_path: Path):
    rows = [f"{n},{n % 3},{'xy'[n % 2]},2020-01-{n % 28 + 1:02d},name{n},,00{n % 4},a_{n % 2}" for n in range(100)]
    data = table("\n".join(["number,level,kind,day,name,empty,code,under", *rows]), tmp_path)
    kinds = {column.name: column.kind for column in tables.describe(data, categories=["code"])}
    assert kinds == {
        "number": "number",
        "level": "number",
        "kind": "category",
        "day": "date",
        "name": "ignored",
        "empty": "ignored",
        "code": "category",
        "under": "category",
    }


def test_dates_become_their_parts_in_utc():
    column = Column("when", "date")
    values = ["2020-02-29", "2020-02-29 12:30", "2020-02-29T13:00:00+01:00", ""]
    matrix = tables.encode([column], tables.Table(["when"], {"when": values}))
    assert matrix[0].tolist() == [2020, 2, 29, 5, 0, 7364.0]
    assert matrix[1][4:].tolist() == [12, 7364 + 12.5 / 24]
    assert matrix[2][4] == 12
    assert np.isnan(matrix[3]).all()
    with pytest.raises(tables.Unparsable, match="'soon' in column 'when'"):
        tables.encode([column], tables.Table(["when"], {"when": ["soon"]}))


def test_a_table_with_a_byte_order_mark_and_windows_lines_is_read(tmp_path: Path):
    assert table("\ufeffa,b\r\n1,2\r\n", tmp_path).columns == {"a": ["1"], "b": ["2"]}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_survive_their_text(values: list[float]):
    assert tables.numbers("n", map(tables.text, values)).tolist() == values


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=8)


@settings(max_examples=50)
@given(rows=st.lists(st.tuples(cells, cells).filter(any), min_size=1, max_size=5))
def test_a_written_table_reads_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    tables.write_csv(path, ["one", "two"], rows)
    assert tables.read_csv(path, "t.csv") == tables.table_of(["one", "two"], rows, "t.csv")


def repacked(model: bytes, payload: bytes, **header: object) -> bytes:
    """A model file with another payload that its header vouches for."""
    old = zipfile.ZipFile(io.BytesIO(model))
    told = json.loads(old.read("model.json"))
    told.update({"sha256": hashlib.sha256(payload).hexdigest(), **header})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("model.json", json.dumps(told))
        archive.writestr("model.skops", payload)
    return out.getvalue()


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    """A sound model."""
    return train(table(rows_csv(), tmp_path), "regression", "y", "ridge").model


class Evil:
    """Runs a command when unpickled; skops would have to build it by name."""

    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('owned')",))


def test_a_model_that_names_a_foreign_type_is_refused_before_it_is_built(model: bytes):
    with pytest.raises(modelfile.NotAModel, match="not allowed"):
        modelfile.unpack(repacked(model, skops.io.dumps({"x": Evil()})))


def test_a_pickle_is_refused(model: bytes):
    import pickle

    with pytest.raises(modelfile.NotAModel):
        modelfile.unpack(pickle.dumps(Evil()))
    with pytest.raises(modelfile.NotAModel):
        modelfile.unpack(repacked(model, pickle.dumps(Evil())))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda model: model[:-40], "not an .ilearner"),
        (lambda model: b"", "not an .ilearner"),
        (lambda model: repacked(model, b"junk", sha256="0" * 64), "sha256"),
        (lambda model: repacked(model, b"junk"), "cannot be built"),
        (lambda model: repacked(model, b"junk", format=9), "format 9"),
        (lambda model: repacked(model, b"junk", columns=3), "not an .ilearner"),
        (lambda model: repacked(model, skops.io.dumps([1])), "is a list"),
    ],
)
def test_a_damaged_model_is_refused_with_the_reason(model: bytes, content, said: str):
    with pytest.raises(modelfile.NotAModel, match=said):
        modelfile.unpack(content(model))


@pytest.mark.parametrize("learner", ["boosted-trees", "random-forest"])
def test_trees_that_point_outside_themselves_are_refused(tmp_path: Path, learner: str):
    model = train(table(rows_csv(), tmp_path), "regression", "y", learner, Trees="2", Iterations="2").model
    pipeline = modelfile.unpack(model).pipeline
    if learner == "boosted-trees":
        pipeline[-1]._predictors[0][0].nodes["left"][0] = 10_000
    else:
        forest: RandomForestRegressor = pipeline[-1]
        forest.estimators_[0].tree_.children_left[0] = 10_000
    with pytest.raises(modelfile.NotAModel, match="not sound"):
        modelfile.unpack(repacked(model, skops.io.dumps(pipeline)))


def test_a_model_whose_columns_do_not_fit_its_pipeline_is_refused(model: bytes):
    payload = zipfile.ZipFile(io.BytesIO(model)).read("model.skops")
    columns = [{"name": "x", "kind": "number", "categories": []}]
    with pytest.raises(modelfile.NotAModel, match="cannot score"):
        scoring.proven(repacked(model, payload, columns=columns))


def test_a_pipeline_keeps_an_empty_columns_place():
    plan_ = learners.plan("regression", {k: v or "" for k, v in learners.defaults("regression", "y", None, {}).items()})
    matrix = np.array([[np.nan, 1.0], [np.nan, 2.0], [np.nan, 3.0]])
    fitted = estimators.pipeline(plan_, [Column("a", "number"), Column("b", "number")]).fit(matrix, [1.0, 2.0, 3.0])
    assert np.isfinite(fitted.predict(np.array([[5.0, 2.0]]))).all()
