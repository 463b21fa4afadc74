"""Settings of both Studio clients: what is refused before anything is called, and rules about addresses."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.configuration import read
from retrain.errors import BadConfiguration
from shared.services.studio.batch import StudioBatchSettings
from shared.services.studio.blobs import BlobReference
from shared.services.studio.classic import StudioClassicSettings
from shared.services.studio.web_services import management_url, runtime_base

RUNTIME = "https://ussouthcentral.services.azureml.net/workspaces/w/services/e"
PATCH = "https://management.azureml.net/workspaces/w/webservices/s/endpoints"
HELP = "https://studio.azureml.net/apihelp/workspaces/w/webservices/s/endpoints/e"

names = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_. ~!()'$&+,;=@:äß€", min_size=1, max_size=20).filter(
    lambda name: name.strip(".") != ""
)
queries = st.text("abcdefghijklmnop0123456789=&%", max_size=40)


def batch(**values: Any) -> list[str]:
    return StudioBatchSettings(**{"url": RUNTIME, "key": "env:K"} | values).problems()


def classic(**values: Any) -> list[str]:
    whole = {
        "production": f"{PATCH}/live",
        "production_key": "env:K",
        "staging": f"{PATCH}/trial",
        "staging_key": "env:S",
    }
    return StudioClassicSettings(**whole | values).problems()


@pytest.mark.parametrize("host", ["https://acct.blob.core.windows.net/", "http://127.0.0.1:10000/devstoreaccount1/"])
@settings(deadline=None)
@given(path=st.lists(names, min_size=2, max_size=4).map("/".join), query=queries)
def test_a_blob_address_taken_apart_and_put_together_is_the_same_blob(host: str, path: str, query: str) -> None:
    url = f"{host}{quote(path)}" + (f"?{query}" if query else "")
    reference = BlobReference.of(url)
    assert (reference.base_location, reference.relative_location, reference.blob) == (host, path, path)
    again = BlobReference.of(reference.url)
    assert again == reference
    assert again.url == reference.url
    sent = msgspec.json.decode(msgspec.json.encode(reference), type=BlobReference)
    assert sent.url == reference.url


@settings(deadline=None)
@given(
    base=st.sampled_from(["https://a.blob/", "https://a.blob"]),
    slash=st.sampled_from(["", "/"]),
    mark=st.sampled_from(["", "?"]),
    query=queries.filter(bool),
)
def test_slashes_and_question_marks_may_be_there_or_not(base: str, slash: str, mark: str, query: str) -> None:
    reference = BlobReference(base_location=base, relative_location=f"{slash}c/m.ilearner", sas_blob_token=mark + query)
    assert reference.url == f"https://a.blob/c/m.ilearner?{query.lstrip('?')}"


@settings(deadline=None)
@given(
    tail=st.sampled_from(["", "/", "/jobs", "/jobs/", "/execute", "/swagger.json"]),
    query=st.sampled_from(["", "?api-version=2.0", "?api-version=2.0&details=true"]),
    path=st.sampled_from(["/workspaces/w/services/e", "/subscriptions/s/services/e"]),
)
def test_any_form_of_a_request_address_gives_its_base(tail: str, query: str, path: str) -> None:
    assert runtime_base(f"https://host{path}{tail}{query}") == f"https://host{path}"
    assert runtime_base(runtime_base(f"https://host{path}{tail}{query}")) == f"https://host{path}"


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_an_address_or_explained(text: str) -> None:
    for url in (text, f"https://host/{text}"):
        for rule in (runtime_base, management_url):
            try:
                assert rule(url)
            except (BadConfiguration, ValueError) as error:
                assert str(error)
        assert all(problem.strip() for problem in (*batch(url=url), *classic(production=url)))


def test_good_settings_have_no_problems() -> None:
    assert batch() == batch(metrics="", url=RUNTIME + "/jobs?api-version=2.0") == []
    assert batch(url="http://127.0.0.1:7072/workspaces/w/services/e", key="keyvault:training-key") == []
    assert batch(input="", data_parameter="Data URI") == []
    assert classic() == []
    assert classic(staging=(f"{PATCH}/a", f"{PATCH}/b")) == []
    assert classic(staging=(f"{PATCH}/a", f"{PATCH}/b"), staging_key=("env:A", "env:B")) == []


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"url": f"{PATCH}/live"}, "url: .* is a management .PATCH. address; copy the Request URI"),
        ({"url": HELP}, "url: .* is a help page"),
        ({"url": "https://host/"}, "url: .* is not the address of a web service"),
        ({"url": RUNTIME.replace("https", "http")}, "url: .* is not encrypted"),
        ({"key": "abc=="}, "key must be env:NAME or keyvault:NAME; never write the secret itself"),
        ({"model": ""}, "model must name the output"),
        ({"model": "output1"}, "metrics and model are both 'output1'"),
        ({"input": ""}, "input is empty"),
        ({"data_parameter": "URI", "parameters": {"URI": "x"}}, "parameters sets 'URI'"),
    ],
)
def test_a_mistake_in_the_trainer_is_one_clear_sentence(values: dict[str, Any], sentence: str) -> None:
    (problem,) = batch(**values)
    assert re.match(sentence, problem)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"production": RUNTIME}, "production: .* is a runtime address .where one scores.; copy the PATCH URL"),
        ({"production": HELP}, "production: .* is a help page"),
        ({"production": PATCH}, "production: .* names a web service but no endpoint"),
        ({"production": f"{PATCH}/default"}, "production is a default endpoint. The default endpoint refuses PATCH"),
        ({"staging": (), "staging_key": ()}, "staging is missing"),
        ({"staging": f"{PATCH}/default"}, "staging is a default endpoint"),
        ({"staging": f"{PATCH}/live"}, "staging repeats an endpoint or is production"),
        ({"staging": (f"{PATCH}/a", f"{PATCH}/a")}, "staging repeats an endpoint"),
        ({"staging_key": ()}, "staging_key: give one key, or one for each of the 1 staging endpoints"),
        ({"staging_key": ("env:A", "env:B")}, "staging_key: give one key"),
        ({"staging_key": "c2VjcmV0"}, "staging_key must be env:NAME"),
        ({"production_key": "c2VjcmV0"}, "production_key must be env:NAME"),
        ({"rows_per_call": 1001}, "rows_per_call = 1001 must be between 1 and 1000"),
        ({"settle": -1.0}, "settle = -1.0 must be between"),
    ],
)
def test_a_mistake_in_the_endpoint_is_one_clear_sentence(values: dict[str, Any], sentence: str) -> None:
    (problem,) = classic(**values)
    assert re.match(sentence, problem)
    assert "c2VjcmV0" not in problem


def test_a_configuration_names_every_mistake_of_both_with_its_line() -> None:
    text = f"""
[models.income]
label = "income"
[models.income.trainer]
kind = "studio-batch"
url = "{PATCH}/live"
key = "c2VjcmV0"
[models.income.endpoint]
kind = "studio-classic"
production = "{PATCH}/default"
production_key = "env:K"
[models.income.gate]
metric = "auc"
"""
    with pytest.raises(BadConfiguration) as caught:
        read(text, trainers={"studio-batch": StudioBatchSettings}, endpoints={"studio-classic": StudioClassicSettings})
    problems = "\n".join(caught.value.problems)
    assert "line 6: url:" in problems and "line 7: key must be" in problems and "line 10: production is" in problems
    assert "c2VjcmV0" not in problems
