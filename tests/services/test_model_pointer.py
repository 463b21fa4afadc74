"""Serving by a pointer: what is written when, and which model scores, against storage and the local designer."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

import msgspec
import pytest

from retrain.errors import BadConfiguration, Conflict, NotFound, StaleRecord, Unavailable
from retrain.ports import JobState, JobStatus, Rows, Slot
from retrain.run import Artifact
from shared.services import pointers
from shared.services.designer.model_pointer import ModelPointer
from tests.waiting import awaited

from .pipeline_lab import PipelineLab
from .world import people

ROWS = "runs/income/designer/rows.csv"


@pytest.fixture(scope="module")
def candidate(shared_lab: PipelineLab) -> Artifact:
    """A model other than the first one, in our storage; and rows to score."""
    shared_lab.blobs.write(ROWS, people(50, 9).encode())
    return shared_lab.candidate()


def pointer(lab: PipelineLab, endpoint: ModelPointer, slot: Slot) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(lab.blobs.read(endpoint.current(slot).resource))
    return found


def scored(endpoint: ModelPointer, slot: Slot, job: str) -> JobStatus:
    return awaited(lambda: endpoint.scored_file(slot, job))


def scores_of(lab: PipelineLab, endpoint: ModelPointer, slot: Slot) -> list[float]:
    target = f"runs/income/designer/{uuid4().hex[:8]}.csv"
    status = scored(endpoint, slot, endpoint.score_file(slot, ROWS, target))
    assert status.state is JobState.SUCCEEDED, status.details
    return endpoint.scores_in(lab.blobs.open(target))


def test_a_slot_serves_what_its_pointer_names(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    now = endpoint.current(endpoint.production())
    assert now.location == lab.blobs.url("serving/income/first.ilearner")
    assert now.resource.endswith("/live.json")
    assert b"".join(endpoint.artifact(endpoint.production())) == lab.blobs.read("serving/income/first.ilearner")
    assert endpoint.settle() == timedelta()
    assert all(slot.by_file for slot in (endpoint.production(), *endpoint.staging()))


def test_beginning_writes_the_pointer_and_copies_nothing(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    begun = endpoint.begin(slot, candidate)
    assert begun.before.location == lab.blobs.url("serving/income/first.ilearner")
    assert (begun.after["model"], begun.operation) == (candidate.blob, "")
    assert endpoint.check(slot, begun.operation).state is JobState.SUCCEEDED
    assert endpoint.current(slot).location == lab.blobs.url(candidate.blob)
    assert pointer(lab, endpoint, slot) == begun.after
    assert begun.after["sha256"] == candidate.sha256


def test_repeating_it_writes_nothing(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    endpoint.begin(slot, candidate)
    etag = lab.blobs.head(endpoint.current(slot).resource).etag
    again = endpoint.begin(slot, candidate)
    assert lab.blobs.head(endpoint.current(slot).resource).etag == etag
    assert again.before.location == lab.blobs.url(candidate.blob)


def test_a_pointer_that_is_not_there_is_made(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    (slot,) = endpoint.staging()
    with pytest.raises(NotFound, match=r"staging.json is not there; write the live model's name into it: \{"):
        endpoint.current(slot)
    assert endpoint.begin(slot, candidate).before.location == ""
    assert endpoint.current(slot).location == lab.blobs.url(candidate.blob)


def test_members_that_we_do_not_know_are_kept(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    place = endpoint.current(slot).resource
    lab.blobs.write(place, b'{"model": "serving/income/first.ilearner", "owner": {"team": "risk"}}')
    endpoint.begin(slot, candidate)
    assert pointer(lab, endpoint, slot)["owner"] == {"team": "risk"}


def test_a_preview_shows_both_and_changes_nothing(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    before = pointer(lab, endpoint, slot)
    shown = endpoint.preview(slot, candidate)
    assert shown["before"] == before == pointer(lab, endpoint, slot)
    assert shown["after"] == {**before, "model": candidate.blob, "sha256": candidate.sha256} | {
        "updated": shown["after"]["updated"]  # type: ignore[index]
    }
    assert endpoint.preview(endpoint.staging()[0], candidate)["before"] is None


def test_a_pointer_that_was_changed_since_it_was_read_is_not_overwritten(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    place = endpoint.current(endpoint.production()).resource
    seen = pointers.read(lab.blobs, place)
    lab.blobs.write(place, b'{"model": "serving/income/other.ilearner"}')
    with pytest.raises(StaleRecord, match="somebody else wrote the pointer"):
        pointers.write(lab.blobs, seen.renamed(candidate))
    assert pointers.read(lab.blobs, place).model == "serving/income/other.ilearner"
    fresh = pointers.read(lab.blobs, place.replace("live", "fresh"))
    lab.blobs.write(fresh.blob, b"{}")
    with pytest.raises(StaleRecord):
        pointers.write(lab.blobs, fresh.renamed(candidate))


def test_of_many_who_begin_at_once_each_wins_or_is_told(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    models = [Artifact(blob=f"champions/income/{n}/model.ilearner", sha256=f"{n}" * 64) for n in range(6)]

    def begin(artifact: Artifact) -> str:
        try:
            endpoint.begin(slot, artifact)
        except StaleRecord:
            return ""
        return artifact.blob

    with ThreadPoolExecutor(6) as callers:
        won = [blob for blob in callers.map(begin, models) if blob]
    assert endpoint.current(slot).location in {lab.blobs.url(blob) for blob in won}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 a model", "is no pointer to a model"),
        (b"[]", "is no pointer to a model"),
        (b"{" + b" " * 70_000 + b"}", "has 70002 bytes, so it is no pointer"),
    ],
)
def test_what_is_no_pointer_is_left_alone(lab: PipelineLab, candidate: Artifact, content: bytes, said: str) -> None:
    endpoint = lab.endpoint()
    place = endpoint.current(endpoint.production()).resource
    lab.blobs.write(place, content)
    with pytest.raises(BadConfiguration, match=said):
        endpoint.begin(endpoint.production(), candidate)
    assert lab.blobs.read(place) == content


def test_a_slot_that_is_not_ours_is_refused(lab: PipelineLab) -> None:
    with pytest.raises(BadConfiguration, match="not \\(any more\\) a pointer in this model's configuration"):
        lab.endpoint().current(lab.endpoint().production())


def test_files_are_scored_with_the_model_that_the_pointer_names(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    (staging,) = endpoint.staging()
    endpoint.begin(staging, candidate)
    live, tried = scores_of(lab, endpoint, endpoint.production()), scores_of(lab, endpoint, staging)
    assert len(live) == len(tried) == 50
    assert all(0 <= score <= 1 for score in live)
    assert live != tried
    endpoint.begin(endpoint.production(), candidate)
    assert scores_of(lab, endpoint, endpoint.production()) == tried


def test_rows_are_only_scored_in_files(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    with pytest.raises(Conflict, match="scores whole files only"):
        endpoint.score(endpoint.production(), Rows(columns=("age",), values=(("1",),)))


def test_scores_of_a_model_that_is_no_longer_named_do_not_count(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    job = endpoint.score_file(slot, ROWS, "runs/income/designer/moved.csv")
    endpoint.begin(slot, candidate)
    status = scored(endpoint, slot, job)
    assert status.state is JobState.FAILED
    assert re.search(r"names candidates/.* now, but run .* scored with serving/income/first.ilearner", status.details)


def test_a_model_whose_file_was_replaced_is_not_scored(lab: PipelineLab, candidate: Artifact) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    copied = Artifact(blob=f"candidates/income/{uuid4().hex}/model.ilearner", sha256=candidate.sha256)
    lab.blobs.copy(candidate.blob, copied.blob)
    endpoint.begin(slot, copied)
    lab.blobs.copy("serving/income/first.ilearner", copied.blob)
    first = sha256(lab.blobs.read("serving/income/first.ilearner")).hexdigest()
    with pytest.raises(Conflict, match=f"{candidate.sha256[:16]}…, but its bytes have {first[:16]}…"):
        endpoint.score_file(slot, ROWS, "runs/income/designer/never.csv")


def test_a_model_that_is_gone_is_not_scored(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    endpoint.begin(endpoint.production(), Artifact(blob="candidates/income/gone.ilearner", sha256="0" * 64))
    with pytest.raises(NotFound, match=r"candidates/income/gone.ilearner"):
        endpoint.score_file(endpoint.production(), ROWS, "runs/income/designer/never.csv")


def test_a_scoring_run_that_failed_says_why(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    slot = endpoint.production()
    status = scored(endpoint, slot, endpoint.score_file(slot, "runs/income/nowhere.csv", "runs/income/never.csv"))
    assert status.state is JobState.FAILED
    assert "step Import Data" in status.details
    assert "nowhere.csv" in status.details


def test_an_unanswered_submit_is_unavailable_and_asked_once(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    lab.designer.clear_log()
    lab.designer.fault("submitpipelineendpoint", cut="before")
    with pytest.raises(Unavailable):
        endpoint.score_file(endpoint.production(), ROWS, "runs/income/designer/never.csv")
    assert [one["operation"] for one in lab.designer.log()].count("submitpipelineendpoint") == 1


@pytest.mark.parametrize("form", ["datapath", "dataset"])
def test_paths_are_passed_in_the_assignments_that_settings_name(lab: PipelineLab, form: str) -> None:
    endpoint = lab.endpoint(paths_as=form)
    assert len(scores_of(lab, endpoint, endpoint.production())) == 50


def test_a_column_that_is_not_there_is_answered_with_those_there_are(lab: PipelineLab) -> None:
    endpoint = lab.endpoint(score_column="Probability")
    with pytest.raises(BadConfiguration, match=r"no column 'Probability'; there are .*Scored Probabilities"):
        scores_of(lab, endpoint, endpoint.production())


def said(endpoint: ModelPointer, verdict: str) -> str:
    return "\n".join(one.message for one in endpoint.examine() if one.verdict == verdict)


def test_a_doctor_is_told_what_is_there(lab: PipelineLab) -> None:
    endpoint = lab.endpoint()
    found = said(endpoint, "ok")
    assert "live.json names serving/income/first.ilearner, whose bytes are those it was written for" in found
    assert "staging.json is not there; the first candidate makes it" in found
    assert "parameter 'model' is there" in found
    assert said(endpoint, "fail") == ""


def test_a_doctor_is_told_what_is_wrong(lab: PipelineLab) -> None:
    endpoint = lab.endpoint(output_parameter="scores")
    place = endpoint.current(endpoint.production()).resource
    lab.blobs.write(place, b'{"model": "serving/income/gone.ilearner"}')
    lab.blobs.write(place.replace("live", "staging"), b"{}")
    found = said(endpoint, "fail")
    assert "serving/income/gone.ilearner: HTTP 404" in found
    assert "staging.json names no model" in found
    assert "output_parameter: it has no parameter 'scores'" in found
