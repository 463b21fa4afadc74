"""What paths of blobs say of runs, and that paths of others say nothing."""

from __future__ import annotations

import pytest

from retrain import paths


@pytest.mark.parametrize("run", ["bikes~0a1b2c", "bikes:west~0a1b2c"])
def test_a_kept_address_leads_back_to_its_run(run: str) -> None:
    assert paths.run_of_callback(paths.callback(run, "https://build.example.com/hook")) == run


@pytest.mark.parametrize("blob", ["callbacks/readme.txt", "callbacks/a/b/c/d/e", "runs/bikes/0a1b2c/x", "callbacks"])
def test_a_blob_that_somebody_else_put_there_belongs_to_no_run(blob: str) -> None:
    with pytest.raises(ValueError):
        paths.run_of_callback(blob)
