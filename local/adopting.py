"""From a labelled file to a model that is served by the local Studio and adopted, as every real user starts.

The older part of the file trains the model; the newest is the labelled holdout that adoption scores it on.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from cli.api import Api
from retrain.data.files import temporary
from retrain.data.profile import BatchProfile, SplitSpec
from retrain.data.reading import read
from retrain.data.split import split
from retrain.gate.facts import Kind

SHARE = 0.2
"""Of the file, held out for adoption: whole newest days with a time column, else rows that their hash chooses."""


@dataclass(frozen=True)
class Divided:
    """A file in two parts, both CSV with the header."""

    train: str
    holdout: str
    profile: BatchProfile


def divide(content: bytes, *, label: str, kind: Kind, time: str | None) -> Divided:
    """Parts a labelled file. Raises BadData with everything that is wrong with it."""
    train, holdout = BytesIO(), BytesIO()
    spec = SplitSpec(label=label, kind=kind, time=time, share=SHARE)
    with ExitStack() as stack:
        reading = read(BytesIO(content), spec, lambda: stack.enter_context(temporary()))
        profile = split(reading, train, holdout).profile
    return Divided(train.getvalue().decode(), holdout.getvalue().decode(), profile)


def adopt(api: Api, model: str, divided: Divided) -> dict[str, Any]:
    """Uploads both parts as history and has the live model adopted; answers what was recorded.

    Later runs train on the first part too. Raises cli.problems.Problem.
    """
    blobs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("trained-on", divided.train), ("holdout", divided.holdout)):
            file = Path(folder) / f"{name}.csv"
            file.write_text(text, encoding="utf-8")
            blobs[name] = api.upload(model, file, file.name, "history")
    return api.post(f"/api/models/{model}/adopt", {"holdout": blobs["holdout"], "data": [blobs["trained-on"]]})
