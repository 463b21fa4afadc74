"""A model's configuration: read as a whole, every mistake named at once with its line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.configuration import read
from retrain.errors import BadConfiguration
from retrain.model import Model, is_history
from shared.wiring import ENDPOINTS, TRAINERS

KINDS = {"trainers": TRAINERS, "endpoints": ENDPOINTS}
BASE = "http://127.0.0.1:7072/workspaces/0123456789abcdef0123456789abcdef"
GOOD = f"""
[models.income]
label = "income"
since = 2026-01-01T00:00:00Z

[models.income.trainer]
kind = "studio-batch"
url = "{BASE}/services/22223333444455556666777788889999"
key = "env:INCOME_TRAINING_KEY"

[models.income.endpoint]
kind = "studio-classic"
production = "{BASE}/webservices/aaaabbbbccccddddeeeeffff00001111/endpoints/live"
production_key = "env:INCOME_LIVE_KEY"
staging = "{BASE}/webservices/aaaabbbbccccddddeeeeffff00001111/endpoints/staging"
staging_key = "env:INCOME_STAGING_KEY"

[models.income.gate]
metric = "auc"
min_value = 0.8
"""


def parsed(text: str) -> dict[str, Model]:
    return read(text, **KINDS)  # type: ignore[arg-type]


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(BadConfiguration) as caught:
        parsed(text)
    return caught.value.problems


def test_a_good_configuration_is_read() -> None:
    model = parsed(GOOD)["income"]
    assert (model.label, model.kind, model.train_on) == ("income", "classification", "all")
    assert model.endpoint.settle == 60


def test_a_blob_of_the_second_in_which_a_model_was_first_read_is_new() -> None:
    first_read = datetime(2026, 1, 1, 12, 0, 5, 700_000, tzinfo=UTC)
    model = msgspec.structs.replace(parsed(GOOD)["income"], since=first_read)
    landed = first_read + timedelta(seconds=0.2)
    assert not is_history(landed.replace(microsecond=0), model)  # as storage tells its time
    assert is_history(datetime(2026, 1, 1, 12, 0, 4, tzinfo=UTC), model)


def test_every_mistake_is_named_at_once_with_its_line() -> None:
    wrong = (
        GOOD.replace('label = "income"', 'lable = "income"')
        .replace('kind = "studio-batch"', 'kind = "studio-bach"')
        .replace('metric = "auc"', 'metric = "aux"')
        .replace("min_value = 0.8", 'min_value = "high"')
    )
    found = problems(wrong)
    assert len(found) >= 4
    assert any(problem.startswith("line 3:") and "did you mean 'label'" in problem for problem in found)
    assert any("line 7:" in problem and "studio-batch" in problem for problem in found)
    assert any("line 20:" in problem and "min_value" in problem for problem in found)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("[models.income]", "[models.Income]", "lowercase"),
        ("since = 2026-01-01T00:00:00Z", "since = 2026-01-01T00:00:00", "time zone"),
        ('label = "income"', 'label = "income"\nschedule = "every day"', "schedule"),
        ('label = "income"', 'label = "income"\nstart_on = "schedule"', "needs a schedule"),
        ('label = "income"', 'label = "income"\ntrain_on = 0', "train_on"),
        ("/endpoints/live", "/endpoints/default", "default"),
        ("env:INCOME_LIVE_KEY", "bm90IGEgcmVmZXJlbmNl", "env:"),
        ("min_value = 0.8", "max_value = 0.8", "min_value"),
        ("min_value = 0.8", "min_value = 0.8\nconfidence = 95", "confidence"),
        ('metric = "auc"', "", "metric"),
    ],
)
def test_a_mistake_is_explained(before: str, after: str, says: str) -> None:
    found = problems(GOOD.replace(before, after))
    assert any(says in problem for problem in found), found


def test_a_secret_in_the_configuration_is_not_repeated_in_the_complaint() -> None:
    assert all(
        "bm90IGEgcmVm" not in problem
        for problem in problems(GOOD.replace("env:INCOME_LIVE_KEY", "bm90IGEgcmVmZXJlbmNl"))
    )


@pytest.mark.parametrize("text", ["", "[models]", "not toml at all", "[other]\na = 1", "models = 3"])
def test_a_text_without_models_is_explained(text: str) -> None:
    assert problems(text)


def test_the_same_settings_in_another_order_are_the_same_configuration() -> None:
    lines = GOOD.replace(
        'label = "income"\nsince = 2026-01-01T00:00:00Z', 'since = 2026-01-01T00:00:00Z\nlabel = "income"'
    )
    assert parsed(lines)["income"].sha == parsed(GOOD)["income"].sha


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        parsed(text)
    except BadConfiguration as error:
        assert error.problems


BY_REFERENCE = GOOD.replace('label = "income"', 'label = "income"\nintake = "reference"')


def test_data_by_reference_need_a_holdout_from_the_job() -> None:
    (said,) = problems(BY_REFERENCE)
    assert "the trainer's `holdout` must name the output" in said
    assert parsed(BY_REFERENCE.replace("[models.income.endpoint]", 'holdout = "output3"\n[models.income.endpoint]'))[
        "income"
    ].reference


def test_data_by_reference_come_one_file_at_a_time() -> None:
    scheduled = BY_REFERENCE.replace("label =", 'start_on = "schedule"\nschedule = "0 0 3 * * 1"\nlabel =')
    assert any("it needs start_on" in said for said in problems(scheduled))


@pytest.mark.parametrize("line", ["trusted_cap = 50", "trusted_decay = 0", "trusted_decay = 1.5"])
def test_a_trusted_holdout_that_could_not_serve_is_refused(line: str) -> None:
    (said,) = problems(f"{GOOD}\n[models.income.holdout]\n{line}\n")
    assert line in said
