"""The records about production: who is champion, which change is under way, which changes there were.

How production is changed is in `retrain.production`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from retrain.run import Actor, Artifact, Doubted, Record


class ChangeKind(StrEnum):
    """Why a slot was altered."""

    ADOPTION = "adoption"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    FORCED = "forced"


class Probes(Record, frozen=True):
    """A few rows with the scores that a model gives them: how we recognise which model answers.

    `rows` are the feature values in the order of `columns`, as text.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    scores: tuple[float, ...] = ()


class Change(Record, frozen=True):
    """One alteration of production, kept for ever.

    `origin` is the version whose model this is: its own number, or after a rollback the one that was gone back to.
    `previous` is the origin to go back to from here, -1 when there is none. `before` is what the service said it
    served, `location` what it says with this model; neither carries a SAS.
    """

    target: str
    version: int
    kind: ChangeKind
    origin: int
    previous: int
    actor: Actor
    at: datetime
    run: str = ""
    order: str = ""
    why: str = ""
    artifact: Artifact | None = None
    probes: str = ""  # blob with the Probes of this model
    before: str = ""
    location: str = ""
    review: str = ""  # blob with the comparison that this change was made for, if one was
    record: str = ""  # blob with what production was before, as the service showed it, where that is more than a model


class Intent(Record, frozen=True):
    """A change that has begun and is neither committed nor restored.

    `begun`: the service took it. `operation`: where the service tells how far it is, until it is done. `job`: the one
    that scores the probe rows, where only files are scored. `due`: by then it must show. `looks`: how often somebody
    looked, `looked`: when last. `repeated`: another change arrived late and took its place, so it was asked for again.
    `restoring`: it did not show, so the champion goes back to where it was; `why` says what was seen.
    """

    change: Change
    due: datetime
    begun: bool = False
    operation: str = ""
    job: str = ""
    looks: int = 0
    looked: datetime | None = None
    repeated: bool = False
    restoring: bool = False
    why: str = ""


class Review(Record, frozen=True):
    """The champion was compared with the model before it, on the first believed batch after its promotion, and is not
    compared again.

    `worse`: it surely is worse. Then it was rolled back, or (`asked`) a person is asked to; `answered` is who kept it.
    `blob` has the whole comparison, empty when there could be none; `why` says it in a sentence.
    """

    run: str
    at: datetime
    worse: bool
    why: str
    blob: str = ""
    asked: bool = False
    answered: Actor | None = None
    answer: str = ""

    @property
    def open(self) -> bool:
        """Whether a person is asked and has not answered."""
        return self.asked and self.answered is None


class Champion(Record, frozen=True):
    """The model that is in production for a target. At most one change is under way at a time (`intent`).

    `fence`: a promotion needs an order above it. It never falls, so an older run cannot undo a rollback.
    """

    target: str
    version: int
    origin: int
    since: datetime
    run: str = ""
    order: str = ""
    fence: str = ""
    artifact: Artifact | None = None
    probes: str = ""
    location: str = ""
    intent: Intent | None = None
    review: Review | None = None
    etag: str = ""

    @property
    def vacant(self) -> bool:
        """Whether nothing was live when it was adopted: the first model is yet to come."""
        return self.artifact is None and not self.location


class Accepted(Record, frozen=True):
    """Which data later runs may train on: a pointer to the newest manifest blob, moved under If-Match.

    `doubted`: the batch that is kept aside. `uses`: decisions that looked at the trusted holdout since it was begun.
    """

    target: str
    manifest: str = ""
    doubted: Doubted | None = None
    uses: int = 0
    etag: str = ""
