"""The scikit-learn pipelines behind the learners: preparation of the encoded columns, then the estimator."""

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from local.services.engine.learners import Plan
from local.services.engine.records import Column
from local.services.engine.tables import width


def pipeline(plan: Plan, columns: Sequence[Column]) -> Pipeline:
    """An unfitted pipeline over the matrix that `tables.encode` makes of `columns`."""
    return Pipeline([("prepare", _prepare(columns)), ("learn", _estimator(plan))])


def _prepare(columns: Sequence[Column]) -> ColumnTransformer:
    plain: list[int] = []
    coded: list[int] = []
    categories: list[list[int]] = []
    place = 0
    for column in columns:
        if column.kind == "category":
            coded.append(place)
            categories.append(list(range(len(column.categories))))
        else:
            plain.extend(range(place, place + width(column)))
        place += width(column)
    # An all-empty column must keep its place: the number of features is fixed by the columns, not by the rows.
    scaled = Pipeline([("impute", SimpleImputer(keep_empty_features=True)), ("scale", StandardScaler())])
    one_hot = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", scaled, plain), ("categories", one_hot, coded)])


def _estimator(plan: Plan) -> Any:
    return _MAKERS[plan.task, plan.learner](plan)


def _boosting(plan: Plan) -> dict[str, Any]:
    return {
        "max_iter": plan.iterations,
        "learning_rate": plan.learning_rate,
        "max_leaf_nodes": plan.max_leaves,
        "min_samples_leaf": plan.min_leaf_rows,
        "early_stopping": False,
        "random_state": plan.seed,
    }


def _forest(plan: Plan) -> dict[str, Any]:
    return {
        "n_estimators": plan.trees,
        "max_leaf_nodes": plan.max_leaves * 8,
        "min_samples_leaf": min(plan.min_leaf_rows, 5),
        "random_state": plan.seed,
    }


_MAKERS = {
    ("regression", "ridge"): lambda plan: Ridge(alpha=plan.l2),
    ("regression", "linear-regression"): lambda plan: LinearRegression(),
    ("regression", "boosted-trees"): lambda plan: HistGradientBoostingRegressor(**_boosting(plan)),
    ("regression", "random-forest"): lambda plan: RandomForestRegressor(**_forest(plan)),
    ("classification", "logistic-regression"): lambda plan: LogisticRegression(C=1 / plan.l2, max_iter=1000),
    ("classification", "boosted-trees"): lambda plan: HistGradientBoostingClassifier(**_boosting(plan)),
    ("classification", "random-forest"): lambda plan: RandomForestClassifier(**_forest(plan)),
}
