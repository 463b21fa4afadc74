"""The metrics as scikit-learn computes them."""

from sklearn import metrics as witness

SCIKIT = {
    "auc": lambda labels, scores: witness.roc_auc_score(labels, scores),
    "log_loss": lambda labels, scores: witness.log_loss(labels, scores, labels=[0, 1]),
    "accuracy": lambda labels, scores: witness.accuracy_score(labels, scores >= 0.5),
    "f1": lambda labels, scores: witness.f1_score(labels, scores >= 0.5, zero_division=0),
    "rmse": lambda labels, scores: witness.root_mean_squared_error(labels, scores),
    "mae": lambda labels, scores: witness.mean_absolute_error(labels, scores),
}
