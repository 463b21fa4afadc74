"""One table: point reads, ranges, and writes that tell their own lost answer from a stranger's write.

Every row carries the token of the write that left it. When an answer is missing or is a refusal, the first row of the
write is read once: our token means that it was stored. Which rows there are is in `keys`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.data.tables import TableEntity, UpdateMode

from retrain.errors import BadRequest, NotFound, Replaced, RetryableError, StaleRecord
from shared.storage.failures import Unanswered, asking, code_of
from shared.storage.rows import Row, Write

if TYPE_CHECKING:
    from azure.data.tables import TableClient

LARGEST_TRANSACTION = (
    100  # rows, https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
)
_LONGEST_PAGE = 1000  # rows
_WRITER = "writer"


class Table:
    """A table that comes into being when something is first written to it."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    def read(self, partition: str, key: str) -> Row | None:
        """One row, or None."""
        try:
            with asking(f"read {partition} {key}"):
                return _row(self._client.get_entity(partition, key))
        except NotFound:
            return None

    def under(self, partition: str, prefix: str, limit: int | None = None) -> Iterator[Row]:
        """The rows of a partition whose keys begin with `prefix`, in order."""
        query = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end"
        return self._query(query, limit, partition=partition, first=prefix, end=_after(prefix))

    def across(self, first: str, end: str) -> Iterator[Row]:
        """The rows of every partition from `first` up to but not including `end`."""
        return self._query("PartitionKey ge @first and PartitionKey lt @end", None, first=first, end=end)

    def write(self, asked: str, *writes: Write) -> str:
        """All rows in one transaction, or none; the etag of the first.

        Raises:
            StaleRecord: a row to insert exists, or one to replace is another version or gone.
            Unavailable: nobody can tell whether it was stored, even after asking.
        """
        _check(asked, writes)
        return self._write(asked, writes, uuid4().hex, again=True)

    def remove(self, partition: str, key: str, etag: str = "") -> None:
        """Deletes a row, only that version when `etag` is given; one that is gone is well.

        Raises:
            StaleRecord: the row is another version.
        """
        condition = MatchConditions.IfNotModified if etag else MatchConditions.Unconditionally
        try:
            with asking(f"delete {partition} {key}"):
                self._client.delete_entity(partition, key, etag=etag or None, match_condition=condition)
        except NotFound:
            return
        except Replaced as error:
            raise StaleRecord(str(error)) from error

    def _write(self, asked: str, writes: tuple[Write, ...], token: str, *, again: bool) -> str:
        try:
            with asking(asked, own_record=True):
                return self._send(writes, token)
        except RetryableError as doubt:
            row = self.read(writes[0].partition, writes[0].key)
            if row is not None and row.writer == token:
                return row.etag
            if not again or not isinstance(doubt, Unanswered):
                raise
        # The token stays the same, so a first attempt that arrives late is still recognised as ours.
        return self._write(asked, writes, token, again=False)

    def _send(self, writes: tuple[Write, ...], token: str) -> str:
        try:
            return self._submit(writes, token)
        except HttpResponseError as error:
            if code_of(error) != "TableNotFound":
                raise
        try:
            self._client.create_table()
        except ResourceExistsError as error:
            if code_of(error) != "TableAlreadyExists":
                raise
        return self._submit(writes, token)

    def _submit(self, writes: tuple[Write, ...], token: str) -> str:
        if len(writes) == 1:
            return self._submit_one(writes[0], token)
        results = self._client.submit_transaction([_operation(write, token) for write in writes])
        return str(results[0]["etag"])

    def _submit_one(self, write: Write, token: str) -> str:
        # A transaction of one row costs several times a plain request.
        entity = _entity(write, token)
        if write.how == "insert":
            return str(self._client.create_entity(entity)["etag"])
        if write.how == "put":
            return str(self._client.upsert_entity(entity, mode=UpdateMode.REPLACE)["etag"])
        return str(self._client.update_entity(entity, **_version(write))["etag"])

    def _query(self, query: str, limit: int | None, **parameters: str) -> Iterator[Row]:
        page = min(limit or _LONGEST_PAGE, _LONGEST_PAGE)
        try:
            with asking(f"list rows where {query} with {parameters}"):
                found = self._client.query_entities(query, parameters=parameters, results_per_page=page)
                yield from (_row(entity) for entity in islice(found, limit))
        except NotFound:
            return


def _check(asked: str, writes: tuple[Write, ...]) -> None:
    if len({write.partition for write in writes}) != 1:
        raise BadRequest(f"{asked}: a transaction needs rows, all of one partition")
    if len(writes) > LARGEST_TRANSACTION:
        raise BadRequest(f"{asked}: {len(writes)} rows, a transaction takes {LARGEST_TRANSACTION}; split it")


def _operation(write: Write, token: str) -> tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], dict[str, Any]]:
    entity = _entity(write, token)
    if write.how == "insert":
        return "create", entity
    if write.how == "put":
        return "upsert", entity, {"mode": UpdateMode.REPLACE}
    return "update", entity, _version(write)


def _version(write: Write) -> dict[str, Any]:
    return {"mode": UpdateMode.REPLACE, "etag": write.etag, "match_condition": MatchConditions.IfNotModified}


def _entity(write: Write, token: str) -> dict[str, Any]:
    return {"PartitionKey": write.partition, "RowKey": write.key, **write.values, _WRITER: token}


def _row(entity: TableEntity) -> Row:
    etag = str(entity.metadata["etag"])
    return Row(entity["PartitionKey"], entity["RowKey"], etag, entity.get(_WRITER, ""), entity)


def _after(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
