"""The proxy itself: what passes through it arrives unchanged, and it kills exactly where it was told to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import AzureError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from retrain.ports import Ports
from shared.wiring import wire
from tests.chaos.bench import Bench
from tests.chaos.calls import Kill
from tests.chaos.proxy import Proxy

ODD = "a b/ü%41+&=?#'(1)/~x;y.csv"


@pytest.fixture
def way(bench: Bench) -> Iterator[tuple[Proxy, str, str]]:
    """A proxy, and an account's connection strings past it and through it."""
    _, direct = bench.account()
    proxy = bench.proxy()
    yield proxy, direct, proxy.through(direct)
    bench.fronts.shut(proxy)


def test_signed_requests_pass_with_odd_names_and_any_content(way: tuple[Proxy, str, str]) -> None:
    _, direct, through = way
    with BlobServiceClient.from_connection_string(through) as blobs:
        blob = blobs.get_blob_client("runs", ODD)
        content = bytes(range(256)) * 20_000
        blob.upload_blob(content, metadata={"who": "x"}, content_settings=None)
        assert blob.get_blob_properties().size == len(content)
        assert blob.download_blob().readall() == content
        assert list(blobs.get_container_client("runs").list_blob_names(name_starts_with="a b/ü")) == [ODD]
        blobs.get_blob_client("runs", "empty").upload_blob(b"")
    with BlobServiceClient.from_connection_string(direct) as blobs:
        assert blobs.get_blob_client("runs", ODD).get_blob_properties().metadata == {"who": "x"}
        assert blobs.get_blob_client("runs", "empty").get_blob_properties().size == 0


def test_messages_and_transactions_pass(way: tuple[Proxy, str, str]) -> None:
    _, _, through = way
    with QueueServiceClient.from_connection_string(through) as queues:
        queue = queues.get_queue_client("training")
        queue.send_message("<ü&>")
        message = queue.receive_message()
        assert message is not None and message.content == "<ü&>"
        queue.delete_message(message)
    with TableServiceClient.from_connection_string(through) as tables:
        table = tables.create_table("ledger")
        rows = [{"PartitionKey": "p'ü", "RowKey": f"run|{n}", "text": "x" * n} for n in range(3)]
        table.submit_transaction([("create", row) for row in rows])
        assert [row["text"] for row in table.query_entities("PartitionKey eq 'p''ü'")] == ["", "x", "xx"]


def test_an_address_signed_behind_the_proxy_holds_in_front_of_it(way: tuple[Proxy, str, str]) -> None:
    proxy, direct, through = way
    ports = _ports(through)
    ports.blobs.write(f"runs/{ODD}", b"hello")
    signed = ports.blobs.sign(f"runs/{ODD}", "r", timedelta(minutes=1))
    assert signed.startswith(proxy.addresses["blob"])
    assert requests.get(signed, timeout=10).content == b"hello"
    assert requests.get(_ports(direct).blobs.sign(f"runs/{ODD}", "r", timedelta(minutes=1)), timeout=10).ok


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_before_a_call_keeps_it_from_its_service_and_one_after_it_does_not(
    way: tuple[Proxy, str, str], when: str
) -> None:
    proxy, direct, through = way
    struck: list[str] = []
    proxy.watch(Kill("blob PUT runs/second #1", when), lambda: struck.append("!"))  # type: ignore[arg-type]
    with BlobServiceClient.from_connection_string(through, retry_total=0) as blobs:
        blobs.get_blob_client("runs", "first").upload_blob(b"1")
        for name in ("second", "third"):
            with pytest.raises(AzureError):
                blobs.get_blob_client("runs", name).upload_blob(b"2")
    assert struck == ["!"]
    with BlobServiceClient.from_connection_string(direct) as blobs:
        there = set(blobs.get_container_client("runs").list_blob_names())
    assert there == ({"first"} if when == "before" else {"first", "second"})
    assert [call.name for call in proxy.seen] == ["blob PUT runs/first #1", "blob PUT runs/second #1"]


def _ports(storage: str) -> Ports:
    return wire({"AzureWebJobsStorage": storage})
