"""What lands, through which door, and what must come of it. The gate decides; this only says what was expected of it.

The months follow each other as they did in 2011, none is left out: August and September taught the champion nothing.
One of them comes with shuffled labels first, and gets a second chance from a person, which must not get it any further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from local import bikes
from retrain.gate.decision import Data
from retrain.run import State

Door = Literal["blob", "link", "http", "queue", "release"]

DOORS: dict[Door, str] = {
    "blob": "written to the storage container training-data/",
    "link": "sent through an upload link, by somebody without any rights on the storage",
    "http": "put into the archive, and a run asked for over HTTP (the webhook)",
    "queue": "put into the archive, and a run asked for by a message on the queue retrain-requests",
    "release": "a person has it released from quarantine all the same, with a reason (retrain release)",
}


@dataclass(frozen=True)
class Chapter:
    """One file and its end. `failed` is the rule of intake or of the gate that must have said no, where one must.

    `data`: what the gate must say of the file's rows, where that is part of the story.
    """

    title: str
    file: str
    content: str
    door: Door
    ends: State
    failed: str = ""
    data: Data | Literal[""] = ""


def chapters() -> list[Chapter]:
    """The story in order."""
    june, september = bikes.months("2011-06"), bikes.months("2011-09")
    shuffled = "2011-09-shuffled.csv", bikes.shuffled("2011-09")
    return [
        Chapter("June 2011", "2011-06.csv", june, "blob", State.PROMOTED),
        Chapter("July 2011", "2011-07.csv", bikes.months("2011-07"), "link", State.PROMOTED),
        Chapter("June 2011 once more", "june-again.csv", june, "blob", State.DUPLICATE),
        Chapter("August 2011", "2011-08.csv", bikes.months("2011-08"), "blob", State.REFUSED, "gain"),
        Chapter("September 2011 with shuffled labels", *shuffled, "blob", State.QUARANTINED, "label_unrelated"),
        Chapter("The same file, released", *shuffled, "release", State.REFUSED, "skill", "doubted"),
        Chapter(
            "September 2011 from a failing exporter",
            "2011-09-broken.csv",
            bikes.broken("2011-09"),
            "link",
            State.QUARANTINED,
        ),
        Chapter("September 2011 as it was", "2011-09.csv", september, "http", State.REFUSED, "gain", "believed"),
        Chapter("October 2011", "2011-10.csv", bikes.months("2011-10"), "queue", State.PROMOTED),
    ]
