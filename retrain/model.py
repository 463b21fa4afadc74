"""A configured model: where its data lands, who trains it, how it is judged, where it is served.

How it is read from TOML is in `retrain.configuration`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

import msgspec

from retrain import keys as keyed
from retrain.data.quality.settings import IntakeRules
from retrain.errors import BadRequest, NotFound
from retrain.gate.rules import GateRules

_SOURCE = re.compile(r"https?://[^/?#@]+/(?:[^?#]*/)?")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table in a model's configuration."""


class HoldoutRules(Section, frozen=True):
    """How much of each batch is held out: its newest whole days, or a stable share without time. At most `cap` rows.

    More rows than `by_request` are scored with the endpoint's own batch execution. The trusted holdout keeps at most
    `trusted_cap` rows of earlier accepted batches; when one joins, those before it shrink to `trusted_decay`.
    """

    share: float = 0.3
    cap: int = 20_000
    by_request: int = 20_000
    trusted_cap: int = 5_000
    trusted_decay: float = 0.8

    def problems(self) -> list[str]:
        """What is out of range."""
        found = [] if 0.05 <= self.share <= 0.9 else [f"share = {self.share} must be between 0.05 and 0.9"]
        for name, rows in (("cap", self.cap), ("trusted_cap", self.trusted_cap)):
            found += [] if rows >= 100 else [f"{name} = {rows} must be at least 100 rows"]
        decay = self.trusted_decay
        return found if 0 < decay <= 1 else [*found, f"trusted_decay = {decay} must be above 0 and at most 1"]


class PromotionRules(Section, frozen=True):
    """Whether an approved candidate goes live by itself, or waits `deadline_hours` for a person.

    `on_worse`: what follows when the next batch shows that the champion is surely worse than the model before it.
    `sources`: beginnings of addresses from which models are taken that another system trained.
    """

    mode: Literal["automatic", "approval"] = "automatic"
    deadline_hours: float = 72.0
    on_worse: Literal["rollback", "ask", "nothing"] = "rollback"
    sources: tuple[str, ...] = ()

    def problems(self) -> list[str]:
        """What is no beginning of an address."""
        wrong = [source for source in self.sources if not _SOURCE.fullmatch(source)]
        return [f"sources: {source!r} must be an address that ends in /, such as https://A/models/" for source in wrong]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A configured entry: where its data lands, who trains it, how it is judged, where it is served.

    `trainer` and `endpoint` are the settings Structs of their kind. `sha` identifies the configuration as text, but for
    `keys`. `reference`: its data are not read here, and the job holds rows out. A model with keys stands for as many
    targets; `at` gives that of one `key`, with `{key}` filled in.
    """

    name: str
    label: str
    trainer: Any
    endpoint: Any
    gate: GateRules
    holdout: HoldoutRules = HoldoutRules()
    promotion: PromotionRules = PromotionRules()
    intake: IntakeRules = IntakeRules()
    time: str | None = None
    positive: str | None = None
    train_on: Literal["all", "batch"] | int = "all"
    reference: bool = False
    start_on: Literal["data", "schedule"] = "data"
    schedule: str | None = None
    since: datetime | None = None
    keep: bool = False
    job_hours: float = 24.0
    sha: str = ""
    keys: tuple[str, ...] = ()
    key: str = ""

    @property
    def target(self) -> str:
        """`name`, or `name:key`: what has a champion, runs and data of its own."""
        return f"{self.name}:{self.key}" if self.key else self.name

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets of this entry of the configuration."""
        return tuple(f"{self.name}:{key}" for key in self.keys) or (self.target,)

    def at(self, key: str) -> Model:
        """The model of one key; of a model without keys, itself.

        Raises:
            BadRequest: it has keys, and none is named. NotFound: it has no such key; says which there are.
        """
        if not key and self.keys:
            raise BadRequest(
                f"{self.name} has keys ({keyed.listed(self.keys)}); name one, such as {self.name}:{self.keys[0]}"
            )
        if key and key not in self.keys:
            there = f"it has {keyed.listed(self.keys)}" if self.keys else "it has no keys"
            raise NotFound(f"model {self.name!r} has no key {key!r}; {there}")
        if not key:
            return self
        filled = {name: keyed.fill(getattr(self, name), key) for name in ("trainer", "endpoint", "promotion")}
        return msgspec.structs.replace(self, key=key, keys=(), **filled)

    @property
    def kind(self) -> Literal["classification", "regression"]:
        """What the label is: the gate's metric says it."""
        facts = self.gate.facts
        return facts.kind if facts else "regression"


def is_history(modified: datetime, model: Model) -> bool:
    """Whether a blob is older than what this model starts runs for.

    Storage tells times by the second, so a blob of the very second of `since` is not.
    """
    return model.since is not None and modified < model.since.replace(microsecond=0)
