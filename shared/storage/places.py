"""Places of training services as rows: so many jobs of a service run at a time. A partition for each service.

A free place, the usual case, costs one request to take and one to give back. When the first one is taken, a listing of
the service's places, forty at most, tells which are free.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zlib import crc32

import msgspec

from retrain import ports
from retrain.errors import StaleRecord
from retrain.run import Lease
from shared.storage import keys
from shared.storage.rows import Row, Write
from shared.storage.table import Table

_TRIES = 2  # free places that are tried in one call: who loses a place twice to others asks again later


class Places:
    """Taken under If-Match for a limited time; one whose time is over may be taken by anybody."""

    def __init__(self, table: Table, now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now

    def take(self, places: ports.Places, holder: str, until: datetime, *, again: bool = False) -> Lease | None:
        """A place, the one that the holder's name leads to if it is free; None when all are taken."""
        first = crc32(holder.encode()) % places.count
        order = [(first + step) % places.count for step in range(places.count)]
        leases = [Lease(service=places.url, place=place, holder=holder, until=until) for place in order]
        return (None if again else self._write(leases[0])) or self._take_free(leases)

    def renew(self, lease: Lease, until: datetime) -> Lease | None:
        """None when it is another's."""
        row = self._row(lease)
        if row is None or row.values["holder"] != lease.holder:
            return None
        return self._write(msgspec.structs.replace(lease, until=until), row)

    def free(self, lease: Lease) -> None:
        """Repeatable. Only when the row is another version than the lease knows of is it looked at."""
        token = lease.token
        for _ in range(_TRIES):
            try:
                return self._table.remove(keys.places(lease.service), keys.place(lease.place), token)
            except StaleRecord:
                row = self._row(lease)
            if row is None or row.values["holder"] != lease.holder:
                return None
            token = row.etag
        return None

    def _take_free(self, leases: list[Lease]) -> Lease | None:
        """The holder's own place, which a delivery that died took, else one that is free or whose time is over."""
        rows = {row.key: row for row in self._table.under(keys.places(leases[0].service), keys.PLACE)}
        found = [(lease, rows.get(keys.place(lease.place))) for lease in leases]
        own = [pair for pair in found if pair[1] is not None and pair[1].values["holder"] == pair[0].holder]
        free = own or [pair for pair in found if pair[1] is None or self._over(pair[1])]
        taken = (self._write(lease, row) for lease, row in free[:_TRIES])
        return next((lease for lease in taken if lease is not None), None)

    def _over(self, row: Row) -> bool:
        return datetime.fromisoformat(row.values["until"]) <= self._now()

    def _row(self, lease: Lease) -> Row | None:
        return self._table.read(keys.places(lease.service), keys.place(lease.place))

    def _write(self, lease: Lease, row: Row | None = None) -> Lease | None:
        values = {"service": lease.service, "holder": lease.holder, "until": lease.until.astimezone(UTC).isoformat()}
        where = keys.places(lease.service), keys.place(lease.place)
        write = Write(*where, values, "replace", row.etag) if row else Write(*where, values)
        try:
            token = self._table.write(f"take place {lease.place} of {lease.service}", write)
        except StaleRecord:
            return None
        return msgspec.structs.replace(lease, token=token)
