"""The story from the first file to the rollback: tells what happens, and notes whether it is what had to happen."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import requests

from cli.times import duration
from local import bikes
from local.demo import client, words
from local.demo.chapters import DOORS, Chapter, chapters
from local.demo.doors import Doors
from local.demo.opening import Opening
from local.demo.telling import Row, Teller
from retrain.run import ASLEEP

PATIENCE = 60.0  # seconds for one run
ENOUGH = 170.0  # seconds for the whole story
LOOK = 0.1  # seconds between looks at a run
MODEL = f"/api/models/{bikes.NAME}"


class TooSlow(Exception):
    """Something did not end in time; the message says what, and how it stood."""


@dataclass
class Story:
    """Told once. `broken` names everything that was not as it had to be."""

    opening: Opening
    teller: Teller
    rows: list[Row] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    held: int = 0
    _known: set[str] = field(default_factory=set)
    _end: float = field(default_factory=lambda: time.monotonic() + ENOUGH)

    def tell(self) -> None:
        """All chapters, then production as a client sees it, a rollback, and the same look again.

        Raises:
            TooSlow, cli.problems.Problem, requests.RequestException.
        """
        run: dict[str, Any] = {}
        everything = chapters()
        with Doors(self.opening.stack.storage, self.opening.api) as doors:
            for number, chapter in enumerate(everything, start=1):
                run = self._chapter(f"{number}. ", chapter, doors)
        if run["state"] == everything[-1].ends:
            self._ending(everything[-1], run)
        self.teller.table(self.rows)

    def _chapter(self, number: str, chapter: Chapter, doors: Doors) -> dict[str, Any]:
        lines = chapter.content.count("\n") - 1
        self.teller.heading(f"{number}{chapter.title}: {lines:,} rows")
        self.teller.say(DOORS[chapter.door])
        handed_in = datetime.now(UTC)
        doors.hand_in(chapter)
        run = self._follow(chapter)
        after = words.seconds_after(handed_in, run)
        for line in words.told(run, after):
            self.teller.say(f"→ {line}")
        self._judge(chapter, run)
        self.rows.append(_row(chapter, run, after))
        return run

    def _follow(self, chapter: Chapter) -> dict[str, Any]:
        """The chapter's run, once it has ended."""
        begun, state = time.monotonic(), "nothing has started yet"
        stop = min(begun + PATIENCE, self._end)
        with self.teller.waiting(f"{chapter.file}:") as update:
            while time.monotonic() < stop:
                found = self.opening.api.get(f"{MODEL}/runs")["runs"]
                new = next((run for run in found if run["id"] not in self._known), None)
                if new is not None and new["state"] in ASLEEP:
                    self._known.add(new["id"])
                    return self.opening.api.get(f"/api/runs/{new['id']}")
                state = f"{new['state']} {new.get('why', '')}" if new else state
                update(f"{state} ({duration(time.monotonic() - begun)})")
                time.sleep(LOOK)
        raise TooSlow(f"{chapter.file} came to no end in {time.monotonic() - begun:.0f} s: {state}")

    def _judge(self, chapter: Chapter, run: dict[str, Any]) -> None:
        came, failed = run["state"], words.failed_rules(run)
        self._must(came == chapter.ends, f"{chapter.file} had to end {chapter.ends}, and is {came}: {run['why']}")
        door = "blob" if chapter.door == "link" else chapter.door
        self._must(run["door"] == door, f"{chapter.file} had to come by {door}, and came by {run['door']}")
        if chapter.failed:
            told = f"{chapter.file} had to fail the rule {chapter.failed!r}, and failed {failed or 'none'}"
            self._must(chapter.failed in failed, told)
        if chapter.data:
            data = words.believed(run)
            self._must(data == chapter.data, f"the data of {chapter.file} had to be {chapter.data}, and is {data}")

    def _ending(self, last: Chapter, run: dict[str, Any]) -> None:
        before = self.opening.api.get(MODEL)["champion"]
        self.teller.heading("What do users get? A client asks the production endpoint, with the endpoint's own key")
        self._look(last, run, before, run["verdict"]["candidate"])
        self.teller.heading(f"Rollback: somebody takes version {before['version']} back")
        self.opening.api.post(f"{MODEL}/rollback", {"reason": "the demo shows that it can be undone"})
        after, took = self._settled(before["version"] + 1)
        self.teller.say(f"→ live again after {took:.1f} s: the model of version {after['origin']}")
        back = self.opening.api.get(MODEL)["changes"]
        kinds = [change["kind"] for change in back]
        self._must(kinds[0] == "rollback" and len(kinds) == after["version"] + 1, f"changes on record are {kinds}")
        self._look(last, run, after, run["verdict"]["champion"])

    def _settled(self, version: int) -> tuple[dict[str, Any], float]:
        """The champion once that version is committed, and how long it took."""
        begun = time.monotonic()
        stop = min(begun + PATIENCE, self._end)
        with self.teller.waiting("until production shows it:") as update:
            while time.monotonic() < stop:
                champion = self.opening.api.get(MODEL)["champion"]
                if champion["version"] == version and not champion.get("intent"):
                    return champion, time.monotonic() - begun
                update(duration(time.monotonic() - begun))
                time.sleep(LOOK)
        raise TooSlow(f"the rollback was not done in {time.monotonic() - begun:.0f} s")

    def _look(self, chapter: Chapter, run: dict[str, Any], champion: dict[str, Any], on_record: float) -> None:
        """Holds what production answers, and which model lies behind it, against the ledger."""
        last = run["data"]["holdoutRows"]
        found = client.error_on(self.opening.scene.live, chapter.content, bikes.LABEL, last)
        self.teller.say(
            f"→ scored the same {last} rows of {chapter.file}: RMSE {found:.4f}; the ledger says {on_record:.4f} for "
            f"the model of version {champion['origin']}"
        )
        same = math.isclose(found, on_record, rel_tol=1e-9)
        self._must(same, f"production's RMSE is {found}, the ledger's {on_record}")
        place = self._resource()
        address = place["BaseLocation"].rstrip("/") + "/" + place["RelativeLocation"].lstrip("/")
        self._must(address == champion["location"], f"Studio serves {address}, the ledger says {champion['location']}")
        bytes_served = requests.get(address + place["SasBlobToken"], timeout=30)
        bytes_served.raise_for_status()
        digest, wanted = sha256(bytes_served.content).hexdigest(), champion["artifact"]["sha256"]
        self.teller.say(f"→ the model behind the endpoint has the sha256 {digest[:12]}…, as the ledger says")
        self._must(digest == wanted, f"the model behind the endpoint is {digest}, the ledger says {wanted}")

    def _resource(self) -> dict[str, Any]:
        """Where Studio says that the production endpoint's model lies."""
        scene = self.opening.scene
        endpoint = self.opening.stack.client.get_endpoint(scene.workspace, scene.service, "live")
        location: dict[str, Any] = endpoint["Resources"][0]["Location"]
        return location

    def _must(self, holds: bool, otherwise: str) -> None:
        if holds:
            self.held += 1
        else:
            self.broken.append(otherwise)
            self.teller.say(f"NOT AS EXPECTED: {otherwise}", "red")


def _row(chapter: Chapter, run: dict[str, Any], after: float) -> Row:
    verdict = run.get("verdict") or {}
    candidate, champion = (f"{verdict[side]:.1f}" if side in verdict else "-" for side in ("candidate", "champion"))
    return Row(chapter.file, chapter.door, run["state"], candidate, champion, f"{after:.1f}", words.reason(run))
