"""Answers hold against the public OpenAPI documents of the management API, as clients generated from them know them.

Each answer is read by the models of two clients. That of 2023-04-01 writes it again: a member that is spelled
otherwise, or of another type, does not come back. That of 2025-12-01, inside azure-ai-ml, is asked which members it
knows.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from azure.mgmt.machinelearningservices import models as m

from local.services.client import Json

from .lab import IN, Lab, whole

pytestmark = pytest.mark.filterwarnings("ignore")  # of the clients' own
LATER = {"serviceDataAccessAuthIdentity", "stage"}
"""Members that later versions have."""


def lost(given: Any, kept: Any, path: str = "") -> list[str]:
    """Members of an answer that the client's models do not have, or have another value for. Nulls are let go."""
    if isinstance(given, dict):
        kept = kept if isinstance(kept, dict) else {}
        return [
            one
            for name, value in given.items()
            if value is not None and name not in LATER
            for one in lost(value, kept.get(name), f"{path}.{name}")
        ]
    if isinstance(given, list):
        kept = kept if isinstance(kept, list) else []
        return [
            one for number, value in enumerate(given) for one in lost(value, dict(enumerate(kept)).get(number), path)
        ]
    return [] if _same(given, kept) else [f"{path}: {given!r} became {kept!r}"]


def _same(given: Any, kept: Any) -> bool:
    if isinstance(given, str) and isinstance(kept, str) and given.endswith("Z"):
        return given[:19] == kept[:19]  # a time, written with other digits
    return bool(given == kept)


def unknown(read: Any, path: str = "") -> list[str]:
    """Members that the models of 2025-12-01 do not know; reading one fails for a value of another type."""
    if isinstance(read, dict):
        return [one for name, value in read.items() for one in unknown(value, f"{path}.{name}")]
    if isinstance(read, list):
        return [one for value in read for one in unknown(value, path)]
    fields = getattr(type(read), "_attr_to_rest_field", None)
    if fields is None:
        return []
    names = {field._rest_name: attribute for attribute, field in fields.items()}
    strange = [f"{path}.{name}" for name in read.keys() if name not in names]  # noqa: SIM118 -- no dictionary
    return strange + [
        one for name, attribute in names.items() for one in unknown(getattr(read, attribute), f"{path}.{name}")
    ]


def check(kind: Any, answer: Json) -> None:
    """Fails for the members of the answer that the kind does not have."""
    read = kind.deserialize(deepcopy(answer))  # it takes members away
    assert lost(answer, read.serialize(keep_readonly=True)) == []
    check_today(kind.__name__, answer)


def check_today(kind: str, answer: Json) -> None:
    """The same for the newest document only, by the kind's name; lists are looked at one by one."""
    from azure.ai.ml._restclient.arm_ml_service import models

    for one in answer["value"] if kind.endswith("PaginatedResult") else [answer]:
        name = kind.removesuffix("ResourceArmPaginatedResult")
        assert unknown(getattr(models, name)._deserialize(one, [])) == []


@pytest.fixture(scope="module")
def job(shared_lab: Lab) -> str:
    """The name of a job that has completed."""
    return shared_lab.trained(tags={"a": "b"}, displayName="line", description="a line")


def test_jobs_are_as_the_document_says(lab: Lab, job: str) -> None:
    check(m.JobBase, lab.client.arm("GET", f"jobs/{job}"))
    component, name = whole(lab), lab.name()
    given = {"jobType": "Pipeline", "componentId": component}
    inputs = {"data": {"jobInputType": "uri_file", "uri": IN + "line.csv", "mode": "ReadOnlyMount"}}
    check(m.JobBase, lab.client.put_job(name, {**given, "inputs": inputs, "settings": {"default_compute": "cpu"}}))
    lab.client.wait_job(name)
    check(m.JobBase, lab.client.arm("GET", f"jobs/{name}"))
    check(m.JobBaseResourceArmPaginatedResult, lab.client.arm("GET", "jobs"))


def test_models_are_as_the_document_says(lab: Lab, job: str) -> None:
    made = lab.client.register_model("shaped", "1", f"azureml://jobs/{job}/outputs/model", tags={"a": "b"}, jobName=job)
    check(m.ModelVersion, made)
    check(m.ModelContainer, lab.client.arm("GET", "models/shaped"))
    check(m.ModelVersionResourceArmPaginatedResult, lab.client.arm("GET", "models/shaped/versions"))
    check(m.ModelContainerResourceArmPaginatedResult, lab.client.arm("GET", "models"))


@pytest.mark.parametrize(
    ("collection", "version", "container", "properties"),
    [
        ("data", m.DataVersionBase, m.DataContainer, {"dataType": "uri_file", "dataUri": IN + "line.csv"}),
        ("environments", m.EnvironmentVersion, m.EnvironmentContainer, {"image": "python:3.12"}),
        ("codes", m.CodeVersion, m.CodeContainer, {"codeUri": "https://account.blob.core.windows.net/code/own"}),
        ("components", m.ComponentVersion, m.ComponentContainer, {"componentSpec": {"type": "command"}}),
    ],
)
def test_assets_are_as_the_document_says(
    lab: Lab, collection: str, version: Any, container: Any, properties: Json
) -> None:
    check(version, lab.client.arm("PUT", f"{collection}/shaped/versions/1", properties))
    check(version, lab.client.arm("GET", f"{collection}/shaped/versions/1"))
    check(container, lab.client.arm("GET", f"{collection}/shaped"))


def test_computes_and_datastores_are_as_the_document_says(lab: Lab) -> None:
    check(m.ComputeResource, lab.client.arm("GET", "computes/cpu"))
    check(m.Datastore, lab.client.arm("GET", "datastores/workspaceblobstore"))
    check(m.DatastoreSecrets, lab.client.arm("POST", "datastores/workspaceblobstore/listSecrets"))


def test_batch_endpoints_are_as_the_document_says(lab: Lab) -> None:
    check(m.BatchEndpoint, lab.client.create_batch_endpoint("shaped"))
    made = lab.client.create_batch_deployment("shaped", "blue", whole(lab))
    check_today("BatchDeployment", made)
    check(m.BatchEndpoint, lab.client.create_batch_endpoint("shaped", "blue"))


def test_errors_are_as_the_document_says(lab: Lab) -> None:
    answer = lab.client.session.get(
        f"{lab.url}{lab.client.scope}/jobs/none?api-version=2025-12-01",
        headers={"Authorization": f"Bearer {lab.client.token}"},
        timeout=30,
    )
    assert answer.status_code == 404
    check(m.ErrorResponse, answer.json())


def test_a_member_that_the_document_does_not_have_is_found_out() -> None:
    answer = {"properties": {"jobType": "Command", "command": "x", "environmentId": "y", "isArchived": False}}
    check(m.JobBase, answer)
    answer["properties"]["isFiled"] = True
    for find in (lambda: check(m.JobBase, answer), lambda: check_today("JobBase", answer)):
        with pytest.raises(AssertionError, match="isFiled"):
            find()
