"""Keys of a model: how they are written, what a key's model is, and that each mistake is named once."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain import keys, landing, paths
from retrain.errors import BadConfiguration, BadRequest, NotFound
from retrain.model import Model
from tests.unit.test_model_configuration import BASE, GOOD, parsed, problems

SHARED = f"{BASE}/webservices/aaaabbbbccccddddeeeeffff00001111/endpoints"
KEYED = (
    GOOD.replace('label = "income"', 'label = "income"\nkeys = "001..100"')
    .replace("/endpoints/live", "/endpoints/rental{key}")
    .replace("env:INCOME_LIVE_KEY", "env:RENTAL_{key}_KEY")
)
NAMES = st.from_regex(keys.NAME, fullmatch=True)


def income(text: str = KEYED) -> Model:
    return parsed(text)["income"]


@given(st.integers(1, 6), st.data())
def test_a_range_is_every_number_of_its_width_both_ends_included(width: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, 10**width - 1))
    last = data.draw(st.integers(first, min(first + 300, 10**width - 1)))
    found = keys.expand(f"{first:0{width}}..{last:0{width}}")
    assert [int(key) for key in found] == list(range(first, last + 1))
    assert {len(key) for key in found} == {width}
    assert all(keys.NAME.fullmatch(key) for key in found)


@given(st.lists(NAMES, min_size=1, max_size=20, unique=True))
def test_a_list_is_its_keys_in_their_order(names: list[str]) -> None:
    assert keys.expand(names) == tuple(names)


@given(st.one_of(st.text(max_size=30), st.lists(st.text(max_size=12), max_size=5)))
def test_whatever_is_written_gives_keys_fit_for_a_path_or_says_what_is_wrong(
    written: str | list[str],
) -> None:
    try:
        found = keys.expand(written)
    except ValueError as error:
        assert str(error)
    else:
        assert found and len(set(found)) == len(found)
        assert all(keys.NAME.fullmatch(key) for key in found)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('"1..100"', "same number of digits"),
        ('"100..001"', "the first is the lower"),
        ('"00001..99999"', "more than 10,000"),
        ('"North"', "lowercase"),
        ('["north", "a/b"]', "'a/b'"),
        ('["north", "south", "north"]', "'north' is there twice"),
        ('["001..003", "002"]', "'002' is there twice"),
        ("[]", "no key"),
        ("7", "keys = 7"),
    ],
)
def test_keys_that_cannot_be_used_are_explained(written: str, says: str) -> None:
    (problem,) = problems(KEYED.replace('"001..100"', written))
    assert problem.startswith("line 4:")
    assert says in problem


def test_a_keys_model_has_its_key_filled_in_and_everything_else_as_it_is_written() -> None:
    entry, model = income(), income().at("042")
    assert (model.name, model.key, model.target) == ("income", "042", "income:042")
    assert model.endpoint.production == f"{SHARED}/rental042"
    assert model.endpoint.production_key == "env:RENTAL_042_KEY"
    assert model.trainer == entry.trainer
    assert (model.sha, model.gate, model.since) == (entry.sha, entry.gate, entry.since)
    assert entry.targets[0] == "income:001" and len(entry.targets) == 100
    assert model.targets == ("income:042",)


def test_lists_and_tables_of_texts_are_filled_in_as_well() -> None:
    parameters = 'parameters = { "Station" = "station {key}" }\n[models.income.endpoint]'
    text = KEYED.replace("[models.income.endpoint]", parameters)
    text = text.replace(f'staging = "{SHARED}/staging"', f'staging = ["{SHARED}/try{{key}}", "{SHARED}/staging"]')
    model = income(text).at("007")
    assert model.endpoint.staging == (f"{SHARED}/try007", f"{SHARED}/staging")
    assert model.trainer.parameters == {"Station": "station 007"}


def test_each_key_takes_models_of_others_from_a_place_of_its_own() -> None:
    promotion = '[models.income.promotion]\nsources = ["https://a.blob.core.windows.net/theirs/{key}/"]\n'
    model = income(KEYED.replace("[models.income.gate]", f"{promotion}\n[models.income.gate]"))
    assert model.at("007").promotion.sources == ("https://a.blob.core.windows.net/theirs/007/",)
    (problem,) = problems(GOOD.replace("[models.income.gate]", f"{promotion}\n[models.income.gate]"))
    assert "sources has {key}, but the model has no keys" in problem


def test_a_model_with_keys_cannot_stand_for_one_target() -> None:
    with pytest.raises(BadRequest, match="name one, such as income:001"):
        income().at("")
    with pytest.raises(NotFound, match=r"no key '999'; it has 100: 001, 002, 003, 004 … 100"):
        income().at("999")
    with pytest.raises(NotFound, match="it has no keys"):
        income(GOOD).at("001")


def test_another_key_changes_nothing_for_those_there_are() -> None:
    assert income(KEYED.replace("001..100", "001..101")).sha == income().sha
    assert income(KEYED.replace("min_value = 0.8", "min_value = 0.9")).sha != income().sha


def test_a_mistake_that_all_keys_share_is_named_once() -> None:
    found = problems(KEYED.replace("/endpoints/rental{key}", "/rental{key}").replace("env:RENTAL_{key}_KEY", "{key}"))
    assert len(found) == 2, found
    assert any("production_key must be env:NAME" in problem for problem in found)


def test_a_mistake_of_some_keys_says_whose_it_is() -> None:
    text = KEYED.replace('"001..100"', '["north", "default", "staging"]').replace("rental{key}", "{key}")
    found = problems(text)
    assert any("production is a default endpoint" in problem and "(of key default)" in problem for problem in found)
    assert any("staging repeats an endpoint" in problem and "(of key staging)" in problem for problem in found)
    assert len(found) == 2, found


def test_keys_that_would_be_served_by_one_endpoint_are_refused() -> None:
    (problem,) = problems(KEYED.replace("/rental{key}", "/rental"))
    assert "production is the same for every key" in problem


def test_a_key_in_the_settings_of_a_model_without_keys_is_refused() -> None:
    (problem,) = problems(GOOD.replace("/endpoints/live", "/endpoints/live{key}"))
    assert "production has {key}, but the model has no keys" in problem


def test_a_thousand_keys_are_read_in_no_time() -> None:
    begun = time.perf_counter()
    assert len(income(KEYED.replace("001..100", "0001..1000")).targets) == 1000
    assert time.perf_counter() - begun < 2


def test_a_path_in_the_inbox_leads_to_its_key() -> None:
    models = {"income": income(), "plain": income(GOOD)}
    assert landing.target_in("income/042/august.csv", models) == "income:042"
    assert landing.target_in("income/042/2026/august.csv", models) == "income:042"
    assert landing.target_in("plain/042/august.csv", models) == "plain"
    for path, says in (
        ("income/august.csv", "it lies above their folders"),
        ("income/999/august.csv", "'999' is none of them"),
        ("income/042", "above"),
    ):
        with pytest.raises(BadRequest, match=says) as caught:
            landing.target_in(path, models)
        assert "training-data/income/KEY/FILE" in str(caught.value)


@given(NAMES, st.one_of(st.just(""), NAMES), st.from_regex(r"[0-9a-f]{16}", fullmatch=True), st.integers(1, 9))
def test_the_run_of_a_candidate_is_told_by_its_path(model: str, key: str, digest: str, attempt: int) -> None:
    target = f"{model}:{key}" if key else model
    place = f"candidates/{paths.place(target)}/{digest}/{attempt}/model.ilearner"
    assert paths.run_of_candidate(place) == f"{target}~{digest}"
    assert ":" not in place


def test_a_configuration_with_a_mistake_still_says_so_with_keys() -> None:
    with pytest.raises(BadConfiguration, match="did you mean 'keys'"):
        parsed(KEYED.replace("keys =", "kyes ="))


def test_a_setting_without_a_place_for_a_key_has_none_whatever_its_type() -> None:
    class Settings(msgspec.Struct):
        text: str = "a"
        several: tuple[str, ...] = ()
        pairs: tuple[str, ...] = ("a", "b")
        inside: tuple[str, ...] = ("a", "b{key}")
        table: dict[str, str] = msgspec.field(default_factory=lambda: {"a": "{key}"})

    assert keys.places(Settings()) == {"inside", "table"}
