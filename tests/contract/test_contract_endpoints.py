"""What any service that serves must do for us; the cases are in `cases`."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec
import pytest

from retrain.errors import PermanentError, RetrainError, RetryableError
from retrain.ports import JobState
from retrain.run import Artifact
from retrain.scoring import same_scores

from .cases import Case, stand_ins


def kept(subject: Case) -> str:
    """Where the case's own model is kept while it is not in its slot; a slot may go on naming this very file."""
    return f"candidates/{subject.model.name}/before.ilearner"


@pytest.fixture
def turned(subject: Case) -> Iterator[Artifact]:
    """A model that answers otherwise than the one in production; staging gets production's model back."""
    endpoint = subject.endpoint
    before = b"".join(endpoint.artifact(endpoint.production()))
    subject.ports.blobs.write(kept(subject), before)
    yield subject.trained(subject.turned())
    if subject.services is not None:
        subject.services.clear_faults()
    original = Artifact(blob=kept(subject), sha256=sha256(before).hexdigest())
    subject.given(subject.staging, original)


def test_staging_takes_a_model_and_production_stays(subject: Case, turned: Artifact) -> None:
    endpoint = subject.endpoint
    production, scores = endpoint.current(endpoint.production()), subject.scores(endpoint.production())
    assert subject.given(subject.staging, turned).state is JobState.SUCCEEDED
    assert not same_scores(subject.scores(subject.staging), scores)
    assert endpoint.current(subject.staging) != production
    assert endpoint.current(endpoint.production()) == production
    assert same_scores(subject.scores(endpoint.production()), scores)
    assert sha256(b"".join(endpoint.artifact(subject.staging))).hexdigest() == turned.sha256


def test_production_takes_a_model_and_gives_it_back(subject: Case, turned: Artifact) -> None:
    endpoint, before = subject.endpoint, kept(subject)
    slot, scores = endpoint.production(), subject.scores(endpoint.production())
    assert subject.given(slot, turned).state is JobState.SUCCEEDED
    assert not same_scores(subject.scores(slot), scores)
    back = Artifact(blob=before, sha256=sha256(subject.ports.blobs.read(before)).hexdigest())
    assert subject.given(slot, back).state is JobState.SUCCEEDED
    assert same_scores(subject.scores(slot), scores)


def test_giving_the_same_model_twice_is_harmless(subject: Case, turned: Artifact) -> None:
    subject.given(subject.staging, turned)
    once = (subject.endpoint.current(subject.staging), subject.scores(subject.staging))
    assert subject.given(subject.staging, turned).state is JobState.SUCCEEDED
    again = (subject.endpoint.current(subject.staging), subject.scores(subject.staging))
    assert again[0] == once[0] and same_scores(again[1], once[1])


def test_a_preview_changes_nothing_and_shows_no_signature(subject: Case, turned: Artifact) -> None:
    before = subject.endpoint.current(subject.staging)
    shown = msgspec.json.encode(subject.endpoint.preview(subject.staging, turned)).decode()
    assert turned.blob.rpartition("/")[2] in shown
    assert "sig=" not in shown.replace("sig=***", "")
    assert subject.endpoint.current(subject.staging) == before


def test_a_begun_change_tells_what_was_before_and_no_signature(subject: Case, turned: Artifact) -> None:
    before = subject.endpoint.current(subject.staging)
    begun = subject.endpoint.begin(subject.staging, turned)
    assert begun.before == before
    assert "sig=" not in msgspec.json.encode(begun).decode().replace("sig=***", "")


def test_the_same_rows_score_alike_twice_and_by_file(subject: Case) -> None:
    slot = subject.endpoint.production()
    once = subject.scores(slot)
    assert len(once) == 12
    assert same_scores(subject.scores(slot), once)
    assert same_scores(subject.scores_by_file(slot), once)


def test_what_is_no_model_never_answers(subject: Case, turned: Artifact) -> None:
    """It may be refused at once, by the operation, or by the job that scores with it; the slot recovers."""
    subject.ports.blobs.write("candidates/contract/text.ilearner", b"no model at all")
    wrong = Artifact(blob="candidates/contract/text.ilearner", sha256=sha256(b"no model at all").hexdigest())
    before = subject.scores(subject.staging)
    try:
        status = subject.given(subject.staging, wrong)
        assert status.state is JobState.FAILED or subject.staging.by_file
        assert status.details or subject.staging.by_file
    except PermanentError as refused:
        assert str(refused)
    if subject.staging.by_file:
        with pytest.raises(AssertionError):
            subject.scores(subject.staging)
    else:
        assert same_scores(subject.scores(subject.staging), before)
    assert subject.given(subject.staging, turned).state is JobState.SUCCEEDED


def test_a_model_that_is_gone_is_refused_with_advice(subject: Case, turned: Artifact) -> None:
    gone = Artifact(blob="candidates/contract/gone.ilearner", sha256="0" * 64)
    try:
        status = subject.given(subject.staging, gone)
        assert status.state is JobState.FAILED or subject.staging.by_file
    except RetrainError as refused:
        assert len(str(refused)) > 40


@stand_ins(endpoint_fault="begin")
def test_a_change_that_cannot_be_made_now_is_told_from_one_that_will_not(subject: Case, turned: Artifact) -> None:
    assert subject.services is not None
    subject.services.fault(subject.endpoint_faults.begin, status=503, retry_after=30, times=9)
    with pytest.raises(RetryableError) as caught:
        subject.endpoint.begin(subject.staging, turned)
    assert caught.value.retry_after == 30


def test_examining_finds_nothing_wrong_and_changes_nothing(subject: Case) -> None:
    found = list(subject.endpoint.examine())
    assert found
    assert [one for one in found if one.verdict == "fail"] == []
    before = subject.endpoint.current(subject.endpoint.production())
    list(subject.endpoint.examine())
    assert subject.endpoint.current(subject.endpoint.production()) == before
