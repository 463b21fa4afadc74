"""Scoring: a model and a table in, the scored columns out, all values as text. Knows no HTTP."""

from collections import OrderedDict
from threading import Lock

import numpy as np
from scipy.special import expit

from local.services.engine import modelfile
from local.services.engine.modelfile import Model
from local.services.engine.outputs import SCORED, Scores
from local.services.engine.store import Files
from local.services.engine.tables import Table, encode


def score(model: Model, table: Table) -> Scores:
    """Scores every row. Raises: tables.MissingColumns, tables.Unparsable."""
    header = model.header
    matrix = encode(header.columns, table)
    if header.task == "regression":
        return Scores(SCORED[header.task], ("Double",), [[repr(value)] for value in _raw(model, matrix).tolist()])
    probabilities = _probabilities(model, matrix).tolist()
    rows = [[header.classes[value > 0.5], repr(value)] for value in probabilities]
    return Scores(SCORED[header.task], ("String", "Double"), rows)


def _raw(model: Model, matrix: np.ndarray) -> np.ndarray:
    if not len(matrix):
        return np.empty(0)
    estimator = model.pipeline[-1]
    if not hasattr(estimator, "coef_"):
        return np.asarray(model.pipeline.predict(matrix))
    # A matrix product rounds differently for different numbers of rows; callers compare scores across batches,
    # so the same row must give the same digits in whatever company.
    prepared = np.ascontiguousarray(model.pipeline[:-1].transform(matrix))
    return np.asarray((prepared * np.ravel(estimator.coef_)).sum(axis=1) + np.ravel(estimator.intercept_)[0])


def _probabilities(model: Model, matrix: np.ndarray) -> np.ndarray:
    if not len(matrix) or hasattr(model.pipeline[-1], "coef_"):
        return np.asarray(expit(_raw(model, matrix)))
    return np.asarray(model.pipeline.predict_proba(matrix)[:, 1])


def proven(content: bytes) -> Model:
    """A model from anywhere, loaded and tried on one empty row. Raises: modelfile.NotAModel."""
    model = modelfile.unpack(content)
    names = [column.name for column in model.header.columns]
    try:
        score(model, Table(names, {name: [None] for name in names}))
    except Exception as broken:
        raise modelfile.NotAModel(f"the model cannot score: {broken!r}") from broken
    return model


class Models:
    """Loaded models by sha256, the most recently used `most` of them."""

    def __init__(self, files: Files, most: int = 32):
        self._files = files
        self._most = most
        self._loaded: OrderedDict[str, Model] = OrderedDict()
        self._lock = Lock()

    def load(self, sha: str) -> Model:
        """The model of that sha256. Raises: FileNotFoundError, modelfile.NotAModel."""
        with self._lock:
            model = self._loaded.get(sha)
            if model is None:
                model = modelfile.unpack(self._files.read(sha))
            self._loaded[sha] = model
            self._loaded.move_to_end(sha)
            while len(self._loaded) > self._most:
                self._loaded.popitem(last=False)
        return model
