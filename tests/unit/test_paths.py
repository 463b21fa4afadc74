"""What paths of blobs say of runs, and that paths of others say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain import paths


@pytest.mark.parametrize("run", ["bikes~0a1b2c", "bikes:west~0a1b2c"])
def test_a_kept_address_leads_back_to_its_run(run: str) -> None:
    assert paths.run_of_callback(paths.callback(run, "https://build.example.com/hook")) == run


@pytest.mark.parametrize("blob", ["callbacks/readme.txt", "callbacks/a/b/c/d/e", "runs/bikes/0a1b2c/x", "callbacks"])
def test_a_blob_that_somebody_else_put_there_belongs_to_no_run(blob: str) -> None:
    with pytest.raises(ValueError):
        paths.run_of_callback(blob)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(["bikes", "bikes:west"]))
def test_a_champions_file_precedes_that_of_every_later_version(one: int, other: int, target: str) -> None:
    earlier, later = (paths.champion(target, version, f"{target}~0a1b") for version in (one, other))
    assert paths.precedes(earlier, later) is (one < other)
    assert not paths.precedes(earlier, paths.champion("cars", other))


@pytest.mark.parametrize("blob", ["", "candidates/bikes/0a1b/1/model.ilearner", "champions/bikes/x/model.ilearner"])
def test_a_file_that_is_no_champions_precedes_none(blob: str) -> None:
    assert not paths.precedes(blob, paths.champion("bikes", 7))
    assert not paths.precedes(paths.champion("bikes", 7), blob)
