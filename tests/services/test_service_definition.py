"""Rewriting a definition: exactly one text changes, whatever else is in it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.errors import BadConfiguration, BadRequest
from shared.services.studio_service.definition import Definition, comparable, difference

NEW = "https://acct.blob.core.windows.net/c/ü new.ilearner"
KEY = "asset3"

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


def spelled(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.lower(), name.upper(), name[0].upper() + name[1:]])


@st.composite
def objects(draw: st.DrawFn, **members: st.SearchStrategy[Any]) -> dict[str, Any]:
    """An object with these members among others, spelled and ordered in any way."""
    wanted = {name.lower() for name in members}
    free = st.text().filter(lambda name: name.lower() not in wanted)
    more = draw(st.dictionaries(free, values, max_size=3))
    named = {draw(spelled(name)): draw(value) for name, value in members.items()}
    return dict(draw(st.permutations([*more.items(), *named.items()])))


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A definition with one trained model, `asset3`, and anything else."""
    location = objects(uri=st.text(min_size=1))
    asset = objects(type=spelled("Resource"), name=st.just("Census [trained model]"), locationInfo=location)
    others = st.dictionaries(
        st.text().filter(lambda key: key != KEY), objects(type=st.just("Module"), name=st.text()), max_size=2
    )
    assets = dict(draw(st.permutations([*draw(others).items(), (KEY, draw(asset))])))
    return draw(objects(properties=objects(assets=st.just(assets), packageType=st.just("Graph"))))


def written(text: bytes) -> Any:
    """The JSON with the order of its members, and numbers as they are written."""
    return json.loads(text, object_pairs_hook=list, parse_float=lambda digits: f"#{digits}")


@settings(max_examples=60, deadline=None)
@given(definitions())
def test_rewriting_changes_exactly_one_text_and_keeps_order_and_unknown_members(whole: dict[str, Any]) -> None:
    text = json.dumps(whole).encode()
    before = Definition(text)
    asset = before.model(None)
    after = before.with_model(asset, NEW)
    assert after.model(None).uri == NEW
    assert written(after.text) != written(text) or asset.uri == NEW
    assert written(after.with_model(after.model(None), asset.uri).text) == written(text)
    changes = list(difference(before.plain, after.plain))
    assert [(change["before"], change["after"]) for change in changes] == [(asset.uri, NEW)]


@settings(max_examples=60, deadline=None)
@given(definitions())
def test_a_patch_holds_all_assets_and_nothing_else(whole: dict[str, Any]) -> None:
    definition = Definition(json.dumps(whole))
    asset = definition.model(None)
    body = msgspec.json.encode(definition.patch(asset, NEW))
    sent = Definition(body)
    assert sent.value("properties", "assets") == definition.with_model(asset, NEW).value("properties", "assets")
    assert {name.lower() for name in sent.plain["properties"]} == {"assets", "packagetype"}


@settings(max_examples=60, deadline=None)
@given(definitions(), st.text(min_size=1))
def test_a_put_is_the_whole_definition_with_what_get_does_not_show(whole: dict[str, Any], secret: str) -> None:
    definition = Definition(json.dumps(whole))
    unshown = {"storageAccount": {"key": secret}, "commitmentPlan": {"id": "P"}, "keys": {"primary": "K"}}
    sent = Definition(msgspec.json.encode(definition.put(unshown)))
    assert sent.value("properties", "storageAccount", "key") == secret
    assert sent.value("properties", "commitmentPlan", "id") == "P"
    before = {name: one for name, one in definition.plain.items() if name.lower() != "properties"}
    assert {name: one for name, one in sent.plain.items() if name.lower() != "properties"} == before
    for name, one in definition.value("properties").items():
        if name.lower() not in {"storageaccount", "commitmentplan", "keys"}:
            assert sent.value("properties")[name] == one


def test_numbers_stay_as_they_are_written() -> None:
    text = (
        b'{"x": 1.10, "big": 12345678901234567890123, "properties": {"e": 1E+3, "assets": {"a": {"type": "Resource",'
        b' "name": "M [trained model]", "locationInfo": {"uri": "https://a/b.ilearner"}}}}}'
    )
    definition = Definition(text)
    after = definition.with_model(definition.model(None), NEW).text
    for digits in (b"1.10", b"12345678901234567890123", b"1E+3"):
        assert digits in after


def test_a_model_is_known_by_its_name_or_its_extension_and_only_when_it_is_a_resource() -> None:
    def asset(kind: str, name: str, uri: str) -> dict[str, Any]:
        return {"type": kind, "name": name, "locationInfo": {"uri": uri}}

    assets = {
        "a": asset("Module", "M [trained model]", "aml://module/x"),
        "b": asset("Resource", "a data set", "https://s/d.csv"),
        "c": asset("Resource", "odd name", "https://s/m.ilearner?sv=1"),
        "d": asset("resource", "M [Trained Model]", "https://s/d"),
    }
    found = Definition(json.dumps({"properties": {"assets": assets}})).models()
    assert [one.key for one in found] == ["c", "d"]


@pytest.mark.parametrize("text", ["", "[]", "no json", "{}", '{"properties": []}', '"x"'])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"f\.json is no definition of a web service"):
        Definition(text, "f.json")


def test_a_payload_in_a_blob_is_explained() -> None:
    with pytest.raises(BadConfiguration, match="payloadsInBlobStorage"):
        Definition('{"properties": {"payloadsInBlobStorage": true}}').model(None)


def test_what_the_service_says_itself_is_no_difference() -> None:
    said = {"provisioningState": "Succeeded", "modifiedOn": "now", "storageAccount": {"name": "a"}}
    kept = {"Keys": {"primary": "p"}, "commitmentPlan": {"id": "P"}, "storageAccount": {"name": "a", "Key": "k"}}
    shown, given_ = (Definition(json.dumps({"id": "x", "properties": one | {"title": "t"}})) for one in (said, kept))
    assert list(difference(comparable(shown), comparable(given_))) == []
    other = Definition(json.dumps({"properties": kept | {"title": "u", "extra": 1}}))
    assert list(difference(comparable(shown), comparable(other))) == [
        {"path": "properties.title", "before": "t", "after": "u"},
        {"path": "properties.extra", "after": 1},
    ]
