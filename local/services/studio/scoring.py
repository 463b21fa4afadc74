"""Scoring: a model and a table in, the scored columns out, all values as text. Knows no HTTP."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from local.services.studio import modelfile
from local.services.studio.modelfile import Model
from local.services.studio.store import Files
from local.services.studio.tables import Table, encode

LABELS, PROBABILITIES = "Scored Labels", "Scored Probabilities"
OUTPUTS: dict[str, tuple[str, ...]] = {"regression": (LABELS,), "classification": (LABELS, PROBABILITIES)}


class Scores(NamedTuple):
    """The scored columns and, row by row, their values as text (floats in full: `float(text)` is the value)."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[list[str]]


def score(model: Model, table: Table) -> Scores:
    """Scores every row. Raises: tables.MissingColumns, tables.Unparsable."""
    header = model.header
    matrix = encode(header.columns, table)
    if header.task == "regression":
        predicted = model.pipeline.predict(matrix).tolist() if len(matrix) else []
        return Scores((LABELS,), ("Numeric",), [[repr(value)] for value in predicted])
    probabilities = model.pipeline.predict_proba(matrix)[:, 1].tolist() if len(matrix) else []
    rows = [[header.classes[value > 0.5], repr(value)] for value in probabilities]
    return Scores((LABELS, PROBABILITIES), ("String", "Numeric"), rows)


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
