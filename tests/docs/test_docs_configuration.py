"""docs/configuration.md tells of every key and every setting, with the default that the code has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from local.docs import ROOT
from retrain.configuration import Basics, read
from retrain.data.quality.settings import IntakeRules
from retrain.gate.rules import GateRules
from retrain.model import HoldoutRules, PromotionRules
from retrain.ncrontab import Ncrontab
from shared.services.azureml.endpoint import AzureMlEndpointSettings
from shared.services.azureml.online import AzureMlOnlineSettings
from shared.services.azureml.trainer import AzureMlTrainerSettings
from shared.services.data_factory.trainer import DataFactorySettings
from shared.services.designer.model_pointer import ModelPointerSettings
from shared.services.designer.pipeline_endpoint import PipelineEndpointSettings
from shared.services.studio.batch import StudioBatchSettings
from shared.services.studio.classic import StudioClassicSettings
from shared.services.studio_service.endpoint import StudioServiceSettings
from shared.wiring import ENDPOINTS, TRAINERS

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
KINDS = {"trainers": TRAINERS, "endpoints": ENDPOINTS}
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "`[models.NAME]`": Basics,
    '`[models.NAME.trainer]` with `kind = "studio-batch"`': StudioBatchSettings,
    '`[models.NAME.trainer]` with `kind = "data-factory"`': DataFactorySettings,
    '`[models.NAME.trainer]` with `kind = "pipeline-endpoint"`': PipelineEndpointSettings,
    '`[models.NAME.trainer]` with `kind = "azureml-batch"`': AzureMlTrainerSettings,
    '`[models.NAME.endpoint]` with `kind = "studio-classic"`': StudioClassicSettings,
    '`[models.NAME.endpoint]` with `kind = "studio-service"`': StudioServiceSettings,
    '`[models.NAME.endpoint]` with `kind = "model-pointer"`': ModelPointerSettings,
    '`[models.NAME.endpoint]` with `kind = "azureml-batch"`': AzureMlEndpointSettings,
    '`[models.NAME.endpoint]` with `kind = "azureml-online"`': AzureMlOnlineSettings,
    "`[models.NAME.gate]`": GateRules,
    "`[models.NAME.holdout]`": HoldoutRules,
    "`[models.NAME.promotion]`": PromotionRules,
    "`[models.NAME.intake]`": IntakeRules,
}


def section(title: str) -> str:
    """What stands below a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def told(title: str) -> dict[str, str]:
    """The column `default` by key, of the table below a heading."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]+\| ([^|]+) \|", section(title), re.MULTILINE)
    return dict(rows)


def fields(kind: type[msgspec.Struct]) -> Iterator[tuple[str, Any]]:
    """Names and defaults; a required field's is `required`."""
    for field in msgspec.structs.fields(kind):
        yield field.encode_name, "required" if field.required else field.default


@pytest.mark.parametrize("title", SECTIONS)
def test_a_table_of_keys_is_the_struct_that_is_read(title: str) -> None:
    known, shown = dict(fields(SECTIONS[title])), told(title)
    assert set(shown) == set(known)
    for key, default in known.items():
        if isinstance(default, bool | int | float | str) and default != "":
            assert str(default).lower() in shown[key].lower(), f"{key}: {shown[key]} is not {default}"


def test_every_kind_of_service_has_its_table() -> None:
    for role, kinds in (("trainer", TRAINERS), ("endpoint", ENDPOINTS)):
        for kind in kinds:
            assert f'`[models.NAME.{role}]` with `kind = "{kind}"`' in SECTIONS


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_an_example_is_a_configuration_that_can_be_used(example: str) -> None:
    (model,) = read(example, **KINDS).values()
    assert set(told("`[models.NAME]`")) <= {*model.__struct_fields__, "intake"}
    assert model.schedule is None or Ncrontab.parse(model.schedule)


def test_every_setting_is_explained() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    app = (ROOT / "function_app.py").read_text(encoding="utf-8")
    code = app + "".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py"))
    read_by_code = set(re.findall(r"\b(RETRAIN_[A-Z_]+|KEY_VAULT_URL|WEBSITE_AUTH_ENABLED)\b", code))
    explained = set(re.findall(r"^\| `(\w+)` \|", section("Settings of the app"), re.MULTILINE))
    assert explained == {*sample, *read_by_code}


def test_every_setting_of_our_own_is_in_the_sample() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]
    explained = set(re.findall(r"^\| `(RETRAIN_\w+)` \|", section("Settings of the app"), re.MULTILINE))
    assert explained == {name for name in sample if name.startswith("RETRAIN_")}
