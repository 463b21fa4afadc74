"""Slots of endpoints as rows: at most one run tries its model in a slot at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from retrain.errors import StaleRecord
from shared.storage import keys
from shared.storage.rows import Row, Write
from shared.storage.table import Table


class Slots:
    """Taken under If-Match for a limited time; one whose time is over may be taken by anybody."""

    def __init__(self, table: Table, now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now

    def take(self, slot: str, holder: str, until: datetime) -> bool:
        """Takes or renews; False while another holds it. A free slot, the usual case, costs one request."""
        values = {"slot": slot, "holder": holder, "until": until.astimezone(UTC).isoformat()}
        try:
            self._table.write(f"take slot {slot}", Write(keys.SLOTS, keys.slot(slot), values, "insert"))
        except StaleRecord:
            return self._take_over(slot, holder, values)
        return True

    def _take_over(self, slot: str, holder: str, values: dict[str, str]) -> bool:
        row = self._read(slot)
        if row is not None and row.values["holder"] != holder and self._running(row):
            return False
        how = Write(keys.SLOTS, keys.slot(slot), values, "replace" if row else "insert", row.etag if row else "")
        try:
            self._table.write(f"take slot {slot}", how)
        except StaleRecord:
            return self.holds(slot, holder)
        return True

    def holds(self, slot: str, holder: str) -> bool:
        """Whether it is the holder's, and its time is not over."""
        row = self._read(slot)
        return row is not None and row.values["holder"] == holder and self._running(row)

    def holder(self, slot: str) -> str | None:
        """Whose it is now."""
        row = self._read(slot)
        return str(row.values["holder"]) if row is not None and self._running(row) else None

    def free(self, slot: str, holder: str) -> bool:
        """Gives it back; whether it was the holder's until now."""
        row = self._read(slot)
        if row is None or row.values["holder"] != holder:
            return False
        try:
            self._table.remove(row.partition, row.key, row.etag)
        except StaleRecord:
            return self.free(slot, holder)
        return self._running(row)

    def _read(self, slot: str) -> Row | None:
        return self._table.read(keys.SLOTS, keys.slot(slot))

    def _running(self, row: Row) -> bool:
        return datetime.fromisoformat(row.values["until"]) > self._now()
