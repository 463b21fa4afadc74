"""The numbers of an evaluation, under the names that Studio's Evaluate Model gives them."""

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from local.services.engine.outputs import METRICS


def regression(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Relative errors compare with predicting the mean of `truth`; they are NaN when it never varies."""
    absolute, squared = np.abs(truth - predicted), (truth - predicted) ** 2
    relative = _ratio(absolute.sum(), np.abs(truth - truth.mean()).sum())
    relative_squared = _ratio(squared.sum(), ((truth - truth.mean()) ** 2).sum())
    values = (absolute.mean(), np.sqrt(squared.mean()), relative, relative_squared, 1 - relative_squared)
    return dict(zip(METRICS["regression"], map(float, values), strict=True))


def classification(truth: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """`truth` is 0/1 (1 = positive), `probability` that of the positive class; the threshold is 0.5.

    Training Log Loss is the percentage by which the log loss is below that of always answering the prior.
    """
    predicted = probability > 0.5
    hits = float(np.sum(predicted & (truth == 1)))
    precision, recall = _ratio(hits, predicted.sum(), 0.0), _ratio(hits, truth.sum(), 0.0)
    loss = float(log_loss(truth, probability, labels=[0, 1]))
    prior = float(log_loss(truth, np.full(len(truth), truth.mean()), labels=[0, 1]))
    values = (
        float(np.mean(predicted == (truth == 1))),
        precision,
        recall,
        _ratio(2 * precision * recall, precision + recall, 0.0),
        float(roc_auc_score(truth, probability)) if 0 < truth.sum() < len(truth) else float("nan"),
        loss,
        100 * _ratio(prior - loss, prior),
    )
    return dict(zip(METRICS["classification"], values, strict=True))


def _ratio(part: float, whole: float, otherwise: float = float("nan")) -> float:
    return float(part) / float(whole) if whole else otherwise
