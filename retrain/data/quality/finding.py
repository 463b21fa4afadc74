"""What a rule of intake found: a record for machines with a sentence for people, and how bad it is."""

from typing import Literal

import msgspec

Severity = Literal["refuse", "doubt", "warn", "note"]
ORDER: tuple[Severity, ...] = ("refuse", "doubt", "warn", "note")
"""The worst first. `refuse`: the batch goes to quarantine. `doubt`: it is trained on and judged, but believed only once
the next batch confirms it. `warn` and `note` change nothing."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One thing that is remarkable about a batch. `figure` was held against `limit`; shares are parts of 1."""

    rule: str
    severity: Severity
    message: str
    column: str = ""
    figure: float | None = None
    limit: float | None = None


def milder(one: Severity, other: Severity) -> Severity:
    """The less bad of two."""
    return max(one, other, key=ORDER.index)


def worst_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The same findings, the worst first, else in their order."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.severity)))


def of_severity(findings: tuple[Finding, ...], severity: Severity) -> tuple[Finding, ...]:
    """Those of one severity."""
    return tuple(finding for finding in findings if finding.severity == severity)
