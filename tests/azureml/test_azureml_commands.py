"""Commands, bindings and filters are read as the service reads them. Rules only; nothing runs."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given as example
from hypothesis import strategies as st

from local.services.azureml.control import bindings, commands
from local.services.azureml.control.bindings import Given, Wanted
from local.services.azureml.events.filters import wants
from local.services.azureml.events.records import Event
from local.services.azureml.mlflow.errors import MlflowError
from local.services.azureml.mlflow.filters import chosen

NAMES = st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="${}"), min_size=1).filter(
    lambda text: not text.startswith("--")
)


@example(st.dictionaries(NAMES, TEXTS, min_size=1))
def test_a_text_reaches_the_program_as_it_was_quoted(texts: dict[str, str]) -> None:
    line = " ".join(f"--{name} {shlex.quote(text)}" for name, text in texts.items())
    read = commands.read(f"python folder/train.py {line}", {}, {})
    assert read.program == "train.py"
    assert read.texts == {name.replace("_", "-"): text for name, text in texts.items()}


@example(TEXTS)
def test_a_literal_input_stands_for_its_expression_whatever_is_in_it(text: str) -> None:
    inputs = {"x": Given("literal", text)}
    assert commands.read("python train.py --x ${{ inputs.x }}", inputs, {}).texts == {"x": text}


def test_data_and_outputs_are_named_and_not_replaced() -> None:
    inputs, outputs = {"d": Given("uri_file", "azureml://x")}, {"m": Wanted("custom_model")}
    read = commands.read("python train.py --data=${{inputs.d}} --model ${{outputs.m}}", inputs, outputs)
    assert (read.inputs, read.outputs, read.texts) == ({"data": "d"}, {"model": "m"}, {})


def test_an_optional_part_is_left_out_when_its_input_is_not_given() -> None:
    command = "python train.py $[[--seed ${{inputs.seed}}]]"
    assert commands.read(command, {}, {}).texts == {}
    assert commands.read(command, {"seed": Given("literal", "7")}, {}).texts == {"seed": "7"}


@pytest.mark.parametrize("command", ["echo hello", "python train.py stray", "python train.py --x 'open"])
def test_a_command_is_refused_when_it_starts_nothing_or_cannot_be_split(command: str) -> None:
    with pytest.raises(commands.BadCommand):
        commands.read(command, {}, {})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"jobInputType": "uri_file", "uri": "u"}, Given("uri_file", "u")),
        ({"JobInputType": "UriFolder", "Uri": "u"}, Given("uri_folder", "u")),
        ({"job_input_type": "literal", "value": "7"}, Given("literal", "7")),
        ({"JobInputType": "Literal", "Value": 0.5}, Given("literal", "0.5")),
        ({"type": "mlflow_model", "path": "p"}, Given("mlflow_model", "p")),
        ({"JobInputType": "MLFlowModel", "Uri": "p"}, Given("mlflow_model", "p")),
        ({"type": "number", "value": 3}, Given("literal", "3")),
        (True, Given("literal", "true")),
        ("text", Given("literal", "text")),
        ({"jobInputType": "uri_file", "uri": None}, None),
        (None, None),
    ],
)
def test_an_input_means_the_same_in_each_of_its_forms(value: object, found: Given | None) -> None:
    assert bindings.given(value) == found


@example(
    st.fixed_dictionaries({"name": TEXTS, "tags": st.dictionaries(NAMES, TEXTS)}),
    st.booleans(),
)
def test_a_search_finds_an_item_by_its_own_name_and_tags(item: dict[str, object], wrong: bool) -> None:
    tags = dict(item["tags"])  # type: ignore[call-overload]
    parts = [("name", str(item["name"])), *((f"tags.`{key}`", value) for key, value in tags.items())]
    quoted = [
        f"{key} = '{value.replace(chr(39), chr(39) * 2)}'" for key, value in parts if " and " not in value.lower()
    ]
    if wrong:
        quoted.append("tags.`0` = 'x'")
    assert chosen(" AND ".join(quoted), ("name", "tags"))(item) is not wrong


@pytest.mark.parametrize("text", ["name", "name = x", "name ~ 'x'", "colour = 'red'"])
def test_a_search_is_refused_when_it_cannot_be_read(text: str) -> None:
    with pytest.raises(MlflowError):
        chosen(text, ("name", "tags"))


def advanced(operator: str, key: str, value: str) -> dict[str, object]:
    """A filter on one member."""
    return {"advancedFilters": [{"operatorType": operator, "key": key, "values": [value]}]}


@pytest.mark.parametrize(
    ("chosen_by", "any_case", "wanted"),
    [
        ({}, True, True),
        ({"includedEventTypes": ["Other"]}, True, False),
        ({"includedEventTypes": ["all"]}, True, True),
        ({"subjectBeginsWith": "EXPERIMENTS/"}, True, True),
        ({"subjectEndsWith": "/other"}, True, False),
        (advanced("StringIn", "data.RunStatus", "FAILED"), True, True),
        (advanced("StringIn", "data.RunStatus", "FAILED"), False, False),
        (advanced("StringNotIn", "data.gone", "x"), True, True),
        (advanced("StringContains", "data.gone", "x"), True, False),
        (advanced("StringContains", "data.runTags.t", "as"), True, True),
    ],
)
def test_a_filter_of_events_means_what_it_says(chosen_by: dict[str, object], any_case: bool, wanted: bool) -> None:
    event = Event(
        id="1",
        topic="t",
        subject="experiments/e/runs/r",
        type="Microsoft.MachineLearningServices.RunStatusChanged",
        time="now",
        data={"runStatus": "Failed", "runTags": {"t": "has"}},
    )
    assert wants(chosen_by, event, any_case) is wanted
