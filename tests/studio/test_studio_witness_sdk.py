"""Microsoft's own Python client of 2016 for Studio (classic), `azureml` 0.2.7, unchanged, against the stand-in.

It owns the package name that later SDKs share, so it is installed beside the environment (`make setup`) and runs in an
interpreter of its own, which gives it back one name that Python has changed since. It scores; its other half publishes
Python source, which the stand-in does not run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from studio_lab import Lab, classes_csv

WITNESS = Path(__file__).parents[2] / ".venv" / "azureml-2016"
PROGRAM = """
import inspect, json, os, warnings
warnings.simplefilter("ignore")  # it is of another time
from azureml import services
inspect.Arguments.keywords = property(lambda found: found.varkw)  # as Python 2 called it
url, key, call = json.loads(os.environ["CALL"])
@services.service(url, key)
@services.types(x=float, kind=str)
@services.returns(float)
def line(x, kind): pass
@services.service(url, key)
@services.types(u=float, v=float)
def answer(u, v): pass
try:
    print(json.dumps(eval(call)))
except (RuntimeError, ValueError) as refused:
    print(json.dumps([type(refused).__name__, str(refused)]))
"""


def witnessed(endpoint: dict[str, Any], call: str, *, query: str = "", key: str = "") -> Any:
    """What the witness makes of a call of the endpoint."""
    assert WITNESS.is_dir(), f"{WITNESS} is missing; run `make setup`"
    url = f"{endpoint['ApiLocation']}/execute?api-version=2.0{query}"
    env = {**os.environ, "PYTHONPATH": str(WITNESS), "CALL": json.dumps([url, key or endpoint["PrimaryKey"], call])}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_scores_one_row_and_many(lab: Lab) -> None:
    endpoint = lab.endpoint()
    expected = [lab.predict(endpoint, 3.0, "a"), lab.predict(endpoint, 1.5, "b")]
    assert witnessed(endpoint, "line(3.0, 'a')") == pytest.approx(expected[0])
    assert witnessed(endpoint, "line.map([3.0, 1.5], ['a', 'b'])") == pytest.approx(expected)


@pytest.mark.parametrize("table", ["table", "DataTable"])
def test_it_reads_names_and_types_of_several_columns(lab: Lab, table: str) -> None:
    lab.client.switches(tableType=table)
    endpoint = lab.services("Witnessed", "classification", "answer", classes_csv())[3]
    found = witnessed(endpoint, "answer(3.0, -3.0)", query="&details=true")
    assert found["Scored Labels"] == "Yes" and found["Scored Probabilities"] > 0.99


def test_it_raises_what_the_service_says(lab: Lab) -> None:
    endpoint = lab.endpoint()
    assert witnessed(endpoint, "line(3.0, 'a')", key="wrong") == ["RuntimeError", "Invalid credentials provided."]
    kind, said = witnessed(endpoint, "answer(1.0, 2.0)")
    assert kind == "ValueError" and "InputMismatchError" in said
