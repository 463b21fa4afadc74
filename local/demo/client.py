"""A client of the production endpoint: knows its address, its key and the rows it asks about. Nothing of Retrain.

This is the request-response protocol of Studio (classic), spoken with plain `requests`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

import requests


def score(endpoint: Mapping[str, Any], rows: list[dict[str, str]]) -> list[float]:
    """Predictions for rows of features, in one call. `endpoint` holds ApiLocation and PrimaryKey.

    Raises requests.RequestException for any error answer.
    """
    names = list(rows[0])
    table = {"ColumnNames": names, "Values": [[row[name] for name in names] for row in rows]}
    answer = requests.post(
        f"{endpoint['ApiLocation']}/execute?api-version=2.0&details=true",
        json={"Inputs": {"input1": table}, "GlobalParameters": {}},
        headers={"Authorization": f"Bearer {endpoint['PrimaryKey']}"},
        timeout=30,
    )
    answer.raise_for_status()
    value = answer.json()["Results"]["output1"]["value"]
    place = value["ColumnNames"].index("Scored Labels")
    return [float(row[place]) for row in value["Values"]]


def error_on(endpoint: Mapping[str, Any], content: str, label: str, last: int) -> float:
    """The RMSE of what the endpoint answers for the last rows of a labelled CSV."""
    rows = list(csv.DictReader(io.StringIO(content)))[-last:]
    truth = [float(row.pop(label)) for row in rows]
    squares = [(guess - true) ** 2 for guess, true in zip(score(endpoint, rows), truth, strict=True)]
    return math.sqrt(sum(squares) / len(squares))
