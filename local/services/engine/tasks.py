"""What the server and its worker processes say to each other. Imports nothing heavy: the server needs it to start."""

import msgspec


class Task(msgspec.Struct, kw_only=True, frozen=True):
    """A training (`model` is None), a batch scoring (`model` is a sha256 in the folder `models`), or a service's own.

    A training without `evaluation` is not evaluated. With `holdout` it writes the rows that its split holds back, with
    their labels, and its model is fitted on the others only.
    """

    data: str
    location: str  # the name the data had: its extension says how to read it
    output: str  # training: the model file; scoring: the scored CSV
    evaluation: str = ""
    holdout: str = ""
    task: str = ""
    parameters: dict[str, str] = {}
    model: str | None = None
    models: str = ""
    call: str = ""  # "module:function" of a service's own work; it is given the task
    files: dict[str, str] = {}  # more files that such a call reads and writes, by the names it knows


class Reply(msgspec.Struct, kw_only=True, frozen=True):
    """How it went: `error` tells a user what is wrong with the data; metrics come with a training."""

    error: str | None = None
    metrics: dict[str, float | None] = {}
