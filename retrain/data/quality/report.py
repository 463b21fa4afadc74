"""The report beside a file in quarantine: what is wrong with it, for machines and for people. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from retrain.data.quality.finding import Finding

CORRECT = "correct the file and upload it again; the original is kept beside this report"
RELEASE = "if the data is right as it is, release it: retrain release {run} --reason TEXT"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file that is kept: which version of which blob landed."""

    blob: str
    etag: str
    size: int


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a batch was refused. findings: of all rules, those that did not refuse too; none when it could not be read.

    releasable: whether a person may say that it is right as it is.
    """

    run: str
    files: tuple[File, ...]
    problems: tuple[str, ...]
    at: datetime
    releasable: bool
    what_to_do: tuple[str, ...]
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> bytes:
        """`report.json`."""
        return msgspec.json.format(msgspec.json.encode(self))

    def as_text(self) -> bytes:
        """`report.md`: what is wrong first, then what to do."""
        return ("\n".join(self._lines()) + "\n").encode()

    def _lines(self) -> Iterator[str]:
        yield f"# {self.run} was refused"
        yield ""
        yield from (f"- `{file.blob}`, {file.size:,} bytes" for file in self.files)
        yield from self._section("What is wrong", [*self._wrong()])
        yield from self._section("What to do", [f"- {_sentence(advice)}" for advice in self.what_to_do])
        others = [finding for finding in self.findings if finding.severity != "refuse"]
        yield from self._section("What else was noticed", [_told(finding) for finding in others])
        yield from ("", f"Written at {self.at:%Y-%m-%d %H:%M} UTC; the figures are in `report.json`.")

    def _wrong(self) -> Iterator[str]:
        refused = [finding for finding in self.findings if finding.severity == "refuse"]
        yield from map(_told, refused) if refused else (f"- {_sentence(problem)}" for problem in self.problems)

    @staticmethod
    def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
        if lines:
            yield from ("", f"## {title}", "", *lines)


def advice(run: str, *, releasable: bool) -> tuple[str, ...]:
    """What a person can do about a refused batch."""
    return (CORRECT, RELEASE.format(run=run)) if releasable else (CORRECT,)


def _told(finding: Finding) -> str:
    return f"- {_sentence(finding.message)} (`{finding.rule}`, {finding.severity})"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
