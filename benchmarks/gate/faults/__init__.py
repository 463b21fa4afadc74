"""The catalogue of faults, in the order of the table."""

from benchmarks.gate.faults import columns, files, labels, rows, values
from benchmarks.gate.faults.scene import DoesNotApplyError, Fault, Scene

CATALOGUE: tuple[Fault, ...] = (
    *labels.FAULTS,
    *columns.FAULTS,
    *values.FAULTS,
    *rows.FAULTS,
    *files.FAULTS,
)

__all__ = ["CATALOGUE", "DoesNotApplyError", "Fault", "Scene"]
