"""Checking that the trees of a model file stay inside their own arrays, before compiled code follows them.

scikit-learn trusts a tree's indices: one that points outside would read foreign memory or crash the process.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

_BITSET_BITS = 256  # categories that a split of a boosted tree can tell apart


class BadTree(ValueError):
    """A tree points outside its arrays."""


def check_trees(estimator: Any) -> None:
    """Raises: BadTree. Estimators without trees pass."""
    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        for stage in estimator._predictors:
            for predictor in stage:
                _check_boosted(predictor, estimator.n_features_in_)
    elif isinstance(estimator, RandomForestClassifier | RandomForestRegressor):
        for member in estimator.estimators_:
            tree = member.tree_
            _check(tree.children_left, tree.children_right, tree.feature, tree.children_left < 0, estimator)


def _check(left: np.ndarray, right: np.ndarray, feature: np.ndarray, leaf: np.ndarray, estimator: Any) -> None:
    if any(_outside(left, right, feature, leaf, estimator.n_features_in_)):
        raise BadTree("a tree points outside its nodes or features")


def _outside(
    left: np.ndarray, right: np.ndarray, feature: np.ndarray, leaf: np.ndarray, features: int
) -> Iterator[bool]:
    inner = np.flatnonzero(~leaf.astype(bool))
    for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        # Both learners number children after their parents: so a walk ends, too.
        yield bool(np.any(child <= inner) or np.any(child >= len(leaf)))
    yield bool(np.any(feature[inner] < 0) or np.any(feature[inner] >= features))


def _check_boosted(predictor: Any, features: int) -> None:
    nodes = predictor.nodes
    split = nodes["is_categorical"].astype(bool) & ~nodes["is_leaf"].astype(bool)
    sets = predictor.raw_left_cat_bitsets
    wrong_sets = np.any(nodes["bitset_idx"][split] >= len(sets)) or sets.shape[1:] != (_BITSET_BITS // 32,)
    outside = _outside(nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"], features)
    if wrong_sets or any(outside):
        raise BadTree("a boosted tree points outside its nodes, features or categories")
