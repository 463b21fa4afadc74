"""The records about production: who is champion, which change is under way, which changes there were.

How production is changed is in `retrain.production`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from retrain.run import Actor, Artifact, Record


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

    `origin` is the version whose artifact this is (its own number unless it was rolled back to); `previous` is the
    origin of the champion before. `location` is what the service said it served before the change.
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
    probes: str = ""  # blob that holds the Probes of this model
    location: dict[str, str] = {}


class Intent(Record, frozen=True):
    """A change that has begun and is neither committed nor restored. `tries` counts looks; `begun` says the service took it.

    `restoring` turns it into its undoing: production did not show what it should, the champion's artifact goes back.
    """

    change: Change
    since: datetime
    due: datetime
    begun: bool = False
    tries: int = 0
    restoring: bool = False
    why: str = ""


class Champion(Record, frozen=True):
    """The model that is in production for a target. At most one change is under way at a time (`intent`).

    `fence`: a promotion needs an order above it. It never falls, so a rollback is not undone by an older run.
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
    intent: Intent | None = None
    etag: str = ""


class Accepted(Record, frozen=True):
    """Which parts of the target's data later runs may train on: a pointer to the newest manifest blob, moved under If-Match."""

    target: str
    manifest: str = ""
    parts: int = 0
    etag: str = ""


def with_intent(champion: Champion, intent: Intent | None) -> Champion:
    """The champion with another intent; nothing else of it changes while a change is under way."""
    return msgspec.structs.replace(champion, intent=intent)
