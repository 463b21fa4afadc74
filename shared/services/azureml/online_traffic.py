"""How traffic moves between deployments of an online endpoint: which share comes next, and what a change is after.

No calls are made here; `online_rollout` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from retrain import paths
from retrain.decoding import from_json

ALL = 100
BEFORE, LIVE = "retrainBefore", "retrainLive"
"""Tags of an endpoint: the deployment that had the traffic before, and the model that all of it went to last."""


class Aim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a change is after, and how far it was seen to be: all that whoever goes on with it must know.

    The model at `blob` is to be served by `deployment`; `live`: with all traffic, in steps unless `at_once`. `asked` is
    the share that was asked for last, `share` the one that was last seen to be there, `since` (UNIX seconds) when.
    `tries`: how many times the deployment was made.
    """

    deployment: str
    blob: str
    sha256: str
    live: bool = False
    at_once: bool = False
    tries: int = 1
    asked: int = 0
    share: int = 0
    since: float = 0.0

    def text(self) -> str:
        """As the domain keeps it."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> Aim:
        """Out of what `text` gave."""
        return from_json(text.encode(), cls)


def steps_problems(steps: Sequence[int]) -> list[str]:
    """What is wrong with the configured steps."""
    rising = all(one < other for one, other in pairwise(steps))
    if steps and rising and steps[0] > 0 and steps[-1] == ALL:
        return []
    return [f"traffic = {list(steps)} must rise from more than 0 to {ALL}, such as [10, 50, 100]"]


def next_share(share: int, steps: Sequence[int]) -> int:
    """The share that comes after this one."""
    return next((step for step in steps if step > share), ALL)


def moved(traffic: Mapping[str, int], to: str, share: int) -> dict[str, int]:
    """The traffic with that share for one deployment; the rest goes to the one that has most of it now."""
    holder = main(traffic, without=to)
    if not holder or share == ALL:
        return {to: ALL}
    return {holder: ALL - share, to: share}


def main(traffic: Mapping[str, int], *, without: str = "") -> str:
    """The deployment with most of the traffic; empty where none has any."""
    shares = {name: share for name, share in traffic.items() if share and name != without}
    return max(shares, key=lambda name: (shares[name], name), default="")


def goes_back(tags: Mapping[str, str], deployment: str, blob: str) -> bool:
    """Whether a model had the traffic before: then it gets it back at once, for somebody waits for that."""
    return tags.get(BEFORE) == deployment or paths.precedes(blob, tags.get(LIVE, ""))
