"""What keeps a batch out before a job is paid for: the rules' judgement as intake uses it, what a person's release
changes about it, and the report beside the file.

The rules themselves are in `retrain.data.quality`; which files are kept, and where, is intake's.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from retrain import paths
from retrain.data.quality.finding import Finding, milder, of_severity
from retrain.data.quality.report import File, Report, advice
from retrain.data.tables import LONGEST_LINE, BadData
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Released, Run

if TYPE_CHECKING:
    from retrain.data.baseline import Baseline, Known
    from retrain.data.profile import SplitSpec
    from retrain.data.reading import Reading

COLUMNS = frozenset({"header_missing", "missing_column", "renamed_column", "new_column"})
"""Rules that nobody can waive: without the accepted columns there is nothing to train on."""
KNOWN_ALREADY = frozenset({"repeated_batch", "seen_rows", "stale_batch", "overlapping_days"})
"""Rules that say nothing of a batch which is run again on purpose, nor of bytes that were accepted already: another
configuration may want them, and if none does they end as a duplicate."""


NewFile = Callable[[], BinaryIO]


class Refused(BadData):
    """The rules of intake keep the batch out; `findings` are all of theirs, the worst first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        self.rules = tuple(dict.fromkeys(finding.rule for finding in of_severity(self.findings, "refuse")))
        super().__init__([finding.message for finding in of_severity(self.findings, "refuse")])


@dataclass(frozen=True)
class Judged:
    """What the rules of intake found in a batch that is not refused: all of it, and the doubts in sentences."""

    all: tuple[Finding, ...] = ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the batch is believed only once the next one confirms it."""
        return tuple(finding.message for finding in of_severity(self.all, "doubt"))


def read_and_judge(
    run: Run, model: Model, spec: SplitSpec, batch: BinaryIO, new_file: NewFile, baseline: Baseline, digest: str = ""
) -> tuple[Reading, Known, Judged]:
    """The batch as it was read, and the rules' judgement of it.

    Raises:
        BadData: it cannot be read. Refused: a rule keeps it out; of columns that are not the accepted ones, which.
    """
    from retrain.data.reading import read

    try:
        reading = read(batch, spec, new_file, digest)
    except BadData as bad:
        raise _explained(bad, run, model, spec, batch, new_file, baseline) from bad
    known = reading.known(run.id)
    return reading, known, judge(run, model, spec, known, baseline)


def _explained(
    bad: BadData, run: Run, model: Model, spec: SplitSpec, batch: BinaryIO, new_file: NewFile, baseline: Baseline
) -> BadData:
    """What the rules say of columns with which the batch cannot be read, when that is what is wrong."""
    from retrain.data.quality.columns import without_header
    from retrain.data.reading import read

    try:
        names = _header(batch, new_file)
        if headless := without_header(names, baseline.batches):
            return Refused([headless])
        if spec.columns is not None and set(names) != set(spec.columns):
            known = read(batch, msgspec.structs.replace(spec, columns=None), new_file).known(run.id)
            judge(run, model, spec, known, baseline)
    except Refused as refused:
        return refused if not COLUMNS.isdisjoint(refused.rules) else bad
    except BadData:
        return bad
    return bad


def _header(batch: BinaryIO, new_file: NewFile) -> list[str]:
    """The first line as names, however odd they are."""
    from retrain.data.forms import opened, unpacked

    line = opened(unpacked(batch, new_file)[0]).readline(LONGEST_LINE)
    return next(csv.reader([line.decode("utf-8-sig", "replace")]), [])


def judge(run: Run, model: Model, spec: SplitSpec, known: Known, baseline: Baseline) -> Judged:
    """The rules' judgement of a run's batch.

    Raises:
        Refused: a rule refuses it, and nobody released the batch from that rule.
    """
    from retrain.data.quality.judging import judge_batch

    found = judge_batch(model.intake, spec, known, baseline if baseline.batches else None)
    again = bool(run.again) or any(past.profile.sha256 == known.profile.sha256 for past in baseline.batches)
    findings = tuple(_eased(finding, run.released, again) for finding in found)
    if of_severity(findings, "refuse"):
        raise Refused(findings)
    return Judged(findings)


def _eased(finding: Finding, released: Released | None, again: bool) -> Finding:
    """The finding as it counts for this run: what a person released is in doubt, what they believe is only told."""
    severity = finding.severity
    if again and finding.rule in KNOWN_ALREADY:
        severity = "note"
    if released is not None and finding.rule in released.rules:
        severity = milder(severity, "doubt")
    if released is not None and released.believe:
        severity = severity if severity == "refuse" else milder(severity, "warn")
    return msgspec.structs.replace(finding, severity=severity)


def may_be_released(rules: Sequence[str]) -> bool:
    """Whether a person may say that a batch which these rules refused is right as it is."""
    return bool(rules) and COLUMNS.isdisjoint(rules)


def write_report(run: Run, bad: BadData, ports: Ports) -> tuple[str, ...]:
    """Writes `report.json` and `report.md` beside the kept files; the names of the rules that refused."""
    rules, findings = (bad.rules, bad.findings) if isinstance(bad, Refused) else ((), ())
    releasable = may_be_released(rules)
    report = Report(
        run=run.id,
        files=tuple(File(blob=landed.blob, etag=landed.etag, size=landed.size) for landed in run.landings),
        problems=tuple(bad.problems),
        at=ports.now(),
        releasable=releasable,
        what_to_do=advice(run.id, releasable=releasable),
        findings=findings,
    )
    folder = paths.folder(run, paths.QUARANTINE)
    ports.blobs.write(f"{folder}/report.json", report.as_json())
    ports.blobs.write(f"{folder}/report.md", report.as_text())
    return rules
