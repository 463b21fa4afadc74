"""The page about the stand-in of online endpoints is true: its example runs, its lists are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from local.services.azureml.online.client import OnlineClient
from local.services.azureml.online.switches import TABLE
from local.services.client import Json
from local.services.engine.faults import DIALECTS
from local.services.launch import ServicesProcess

from .lab import IN, literal
from .online_lab import Online
from .online_lab import online as online
from .online_lab import shared_online as shared_online

README = (Path(__file__).resolve().parents[2] / "local/services/azureml/online/README.md").read_text()


def test_the_example_deploys_scores_and_moves_traffic(online: Online, services: ServicesProcess, storage: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    demo = OnlineClient(services.url, "demo-online")
    demo.create_workspace()
    demo.create_compute("cpu")
    demo.register_datastore("lab", "azureml-lab", storage)
    demo.register_datastore("training", "azureml-lab", storage)
    rows = "".join(f"{age},{age * 2}\n" for age in range(20, 60))
    online.lab.upload("age,income\n" + rows, "ages.csv")
    given: Json = {"data": {"jobInputType": "uri_file", "uri": IN + "ages.csv"}, "label": literal("income")}
    command = "python train.py --data ${{inputs.data}} --label ${{inputs.label}} --model ${{outputs.model}}"
    demo.command_job("ages", command, given, {"model": {"jobOutputType": "custom_model"}}, computeId="cpu")
    assert demo.wait_job("ages")["status"] == "Completed"
    for version in ("1", "2"):
        demo.register_model("income", version, "azureml://jobs/ages/outputs/model")
    names = {"OnlineClient": OnlineClient, "services": services}
    exec(code.replace('"demo"', '"demo-online"'), names)  # noqa: S102 -- the page's own example
    assert demo.shown("income")["properties"]["traffic"] == {"blue": 90, "green": 10}


def test_the_table_names_every_switch_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(online\w+)` \| `?([^|`]+)`? \|", README, re.MULTILINE))
    assert set(told) == set(TABLE)
    for name, default in told.items():
        assert TABLE[name].read(default.strip()) == TABLE[name].default, name


def test_the_page_names_every_operation() -> None:
    from local.services.azureml.online import service

    assert service.TABLE is TABLE
    told = set(re.findall(r"\w+", README.partition("## Operations")[2].partition("`endpoint` is")[0]))
    ours = {name for name in DIALECTS if "online" in name or name in ("getdeploymentlogs", "listdeploymentskus")}
    assert ours <= told and len(ours) > 15
