"""The page about the stand-in is true: its example runs, its table names every switch with its default."""

from __future__ import annotations

import re
from pathlib import Path

from local.services.azureml.batch.switches import TABLE as BATCH
from local.services.azureml.control.client import ControlClient
from local.services.azureml.control.programs import PROGRAMS
from local.services.azureml.control.switches import TABLE
from local.services.azureml.events.switches import TABLE as EVENTS
from local.services.launch import ServicesProcess

from .lab import Lab

README = (Path(__file__).resolve().parents[2] / "local/services/azureml/control/README.md").read_text()


def test_the_example_trains_and_registers(lab: Lab, services: ServicesProcess, storage: str) -> None:
    container = lab.blobs.create_container("training-data")
    rows = "".join(f"{age},{'>50K' if age > 40 else '<=50K'}\n" for age in range(20, 60))
    container.upload_blob("us.csv", "age,income\n" + rows, overwrite=True)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {"ControlClient": ControlClient, "services": services, "storage": storage}
    exec(code, names)  # noqa: S102 -- the page's own example
    client = ControlClient(services.url, "demo")
    assert client.job("income-1")["status"] == "Completed"
    assert client.arm("GET", "models/income/versions/1")["properties"]["jobName"] == "income-1"


def test_the_table_names_every_switch_with_its_default() -> None:
    told: dict[str, str] = {}
    for names, default in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| `([^`]+)` \|", README, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"\w+", names), default)
    switches = {**TABLE, **BATCH, **EVENTS}
    assert set(told) == set(switches)
    for name, default in told.items():
        assert switches[name].read(default) == switches[name].default, name


def test_the_table_names_every_program() -> None:
    assert re.findall(r"^\| `(\w+\.py)` ", README, re.MULTILINE) == list(PROGRAMS)
