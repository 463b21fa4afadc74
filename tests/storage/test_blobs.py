"""What the store of blobs promises, against Azurite."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from retrain.errors import BadConfiguration, BadRequest, Conflict, NotFound, Replaced, RetryableError, Unavailable
from shared.storage.accounts import Account, Storage
from shared.storage.blobs import BLOCK, AzureBlobs

from .lossy import Fault, Lossy

BIG = BLOCK + 17  # two blocks


def pieces(size: int, piece: int = 100_000) -> Iterator[bytes]:
    """`size` bytes that never exist at once."""
    for start in range(0, size, piece):
        yield bytes([start // piece % 251]) * min(piece, size - start)


def test_a_blob_is_described_as_its_writer_was_told(blobs: AzureBlobs, name: str) -> None:
    etag = blobs.write(f"{name}/a/b.csv", b"x,y\n")
    info = blobs.head(f"{name}/a/b.csv")
    assert (info.blob, info.etag, info.size) == (f"{name}/a/b.csv", etag, 4)
    assert '"' not in etag
    assert abs(datetime.now(UTC) - info.modified) < timedelta(minutes=1)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, BIG])
@pytest.mark.parametrize("form", [bytes, io.BytesIO, lambda data: iter([data[:3], b"", data[3:]])])
def test_what_is_written_is_read_whatever_its_form(
    blobs: AzureBlobs, name: str, size: int, form: Callable[[bytes], bytes]
) -> None:
    data = b"".join(pieces(size))
    blobs.write(f"{name}/x", form(data))
    assert b"".join(blobs.open(f"{name}/x")) == data


def peak_of(act: Callable[[], object]) -> int:
    """Most bytes of Python's memory that were in use at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_stays_small_whatever_the_size(blobs: AzureBlobs, name: str) -> None:
    size = 11 * BLOCK
    assert peak_of(lambda: blobs.write(f"{name}/big", pieces(size))) < 8 * BLOCK
    assert peak_of(lambda: sum(map(len, blobs.open(f"{name}/big")))) < 10 * BLOCK
    assert blobs.head(f"{name}/big").size == size


def test_a_missing_blob_is_not_found_at_once(blobs: AzureBlobs, name: str) -> None:
    for blob in (f"{name}/x", f"{name}none/x"):
        for act in (blobs.head, blobs.open, blobs.read):
            with pytest.raises(NotFound, match=f"{blob}: HTTP 404"):
                act(blob)
        assert blobs.delete(blob) is False


def test_only_the_version_that_was_seen_is_read(blobs: AzureBlobs, name: str) -> None:
    seen = blobs.write(f"{name}/x", b"1")
    assert b"".join(blobs.open(f"{name}/x", seen)) == b"1"
    assert b"".join(blobs.open(f"{name}/x", f'"{seen}"')) == b"1"
    blobs.write(f"{name}/x", b"2")
    with pytest.raises(Replaced, match=f"{name}/x"):
        blobs.open(f"{name}/x", seen)


def test_a_blob_replaced_while_it_is_read_is_not_mixed(blobs: AzureBlobs, name: str) -> None:
    blobs.write(f"{name}/x", pieces(BIG))
    reading = blobs.open(f"{name}/x")
    next(reading)
    blobs.write(f"{name}/x", b"z" * BIG)
    with pytest.raises(Replaced):
        list(reading)


def test_a_new_blob_only_replaces_nothing(blobs: AzureBlobs, name: str) -> None:
    for size in (5, BIG):
        blobs.write(f"{name}/{size}", pieces(size), only_new=True)
        with pytest.raises(Conflict):
            blobs.write(f"{name}/{size}", pieces(size), only_new=True)


@pytest.mark.parametrize("size", [5, BIG])
def test_only_the_version_that_was_seen_is_replaced(blobs: AzureBlobs, name: str, size: int) -> None:
    seen = blobs.write(f"{name}/x", b"1")
    second = blobs.write(f"{name}/x", pieces(size), etag=seen)
    assert blobs.head(f"{name}/x").etag == second != seen
    with pytest.raises(Replaced):
        blobs.write(f"{name}/x", pieces(size), etag=seen)
    assert blobs.head(f"{name}/x").etag == second


@pytest.mark.parametrize("place", ["{}/gone", "{}none/x"])
def test_a_blob_that_is_gone_is_not_replaced(blobs: AzureBlobs, name: str, place: str) -> None:
    seen = blobs.write(f"{name}/x", b"1")
    with pytest.raises(Replaced):
        blobs.write(place.format(name), b"2", etag=seen)


@pytest.mark.parametrize("size", [5, BIG])
def test_of_many_who_replace_one_version_one_does(blobs: AzureBlobs, name: str, size: int) -> None:
    seen = blobs.write(f"{name}/x", b"")

    def write(letter: str) -> str:
        try:
            return blobs.write(f"{name}/x", (letter.encode() * size for _ in range(1)), etag=seen)
        except (Replaced, RetryableError):
            return ""

    with ThreadPoolExecutor(4) as writers:
        won = [etag for etag in writers.map(write, "abcd") if etag]
    assert won == [blobs.head(f"{name}/x").etag]


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.ANSWER_FALSE])
def test_a_replacement_whose_answer_was_lost_is_ours(
    storages: Callable[..., Storage], lossy_blob: Lossy, blobs: AzureBlobs, name: str, fault: Fault
) -> None:
    seen = blobs.write(f"{name}/x", b"1")
    lossy_blob.lose(fault)
    etag = storages(blob=lossy_blob.address).blobs.write(f"{name}/x", b"2", etag=seen)
    assert lossy_blob.left() == 0
    assert blobs.head(f"{name}/x").etag == etag


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.ANSWER_FALSE])
@pytest.mark.parametrize(("size", "write"), [(5, 1), (BIG, 3)])
def test_a_new_blob_whose_answer_was_lost_is_ours(
    storages: Callable[..., Storage],
    lossy_blob: Lossy,
    blobs: AzureBlobs,
    name: str,
    size: int,
    write: int,
    fault: Fault,
) -> None:
    blobs.write(f"{name}/other", b"")
    lossy_blob.lose(fault, write=write)
    etag = storages(blob=lossy_blob.address).blobs.write(f"{name}/x", pieces(size), only_new=True)
    assert lossy_blob.left() == 0
    assert blobs.head(f"{name}/x").etag == etag


def test_a_stream_is_written_although_a_block_gets_lost(
    storages: Callable[..., Storage], lossy_blob: Lossy, blobs: AzureBlobs, name: str
) -> None:
    lossy_blob.lose(Fault.REQUEST_LOST, write=2)
    storages(blob=lossy_blob.address).blobs.write(f"{name}/x", pieces(BIG))
    assert b"".join(blobs.open(f"{name}/x")) == b"".join(pieces(BIG))


def test_a_store_that_never_answers_is_unavailable(
    storages: Callable[..., Storage], lossy_blob: Lossy, name: str
) -> None:
    lossy_blob.lose_all(Fault.REQUEST_LOST)
    with pytest.raises(Unavailable, match=f"write blob {name}/x: no answer"):
        storages(blob=lossy_blob.address, retries=0).blobs.write(f"{name}/x", b"1")


def test_writers_of_one_blob_never_mix_their_blocks(blobs: AzureBlobs, name: str) -> None:
    blobs.write(f"{name}/x", b"")

    def write(letter: bytes) -> None:
        try:
            blobs.write(f"{name}/x", (letter * BLOCK for _ in range(2)))
        except RetryableError:
            return  # another's commit discarded our blocks

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, [b"a", b"b", b"c", b"d"]))
    assert len(set(blobs.read(f"{name}/x"))) == 1


def test_a_copy_makes_its_container_and_replaces(blobs: AzureBlobs, name: str) -> None:
    blobs.write(f"{name}/from/é 1.csv", pieces(BIG))
    blobs.copy(f"{name}/from/é 1.csv", f"{name}2/to")
    assert blobs.head(f"{name}2/to").size == BIG
    blobs.write(f"{name}/small", b"1")
    blobs.copy(f"{name}/small", f"{name}2/to")
    assert blobs.read(f"{name}2/to") == b"1"
    with pytest.raises(NotFound):
        blobs.copy(f"{name}/none", f"{name}2/to")


def test_only_the_version_that_was_seen_is_deleted(blobs: AzureBlobs, name: str) -> None:
    seen = blobs.write(f"{name}/x", b"1")
    now = blobs.write(f"{name}/x", b"2")
    assert blobs.delete(f"{name}/x", seen) is False
    assert blobs.read(f"{name}/x") == b"2"
    assert blobs.delete(f"{name}/x", now) is True
    assert blobs.delete(f"{name}/x") is False


def test_a_listing_tells_the_same_as_a_look(blobs: AzureBlobs, name: str) -> None:
    for blob in ("a/1", "a/2", "b/é"):
        blobs.write(f"{name}/{blob}", b"12")
    assert [info.blob for info in blobs.list(name, "a/")] == [f"{name}/a/1", f"{name}/a/2"]
    assert list(blobs.list(name)) == [blobs.head(f"{name}/{blob}") for blob in ("a/1", "a/2", "b/é")]
    assert list(blobs.list(f"{name}none")) == []


@pytest.mark.parametrize(
    "blob",
    [
        "", "x", "x/", "/x", "UP/x", "a/x", "ab--c/x", "-abc/x", "abc/../def/x", "abc/..", "abc/./x", "abc/a\\b",
        "abc/a\nb", "abc/\x00", "abc/" + "x" * 1025, "../etc/passwd", "https://example.org/abc/x",
    ],
)  # fmt: skip
def test_a_path_that_could_mean_another_place_is_refused(blobs: AzureBlobs, blob: str) -> None:
    acts = (blobs.head, blobs.open, blobs.read, blobs.delete, blobs.url, lambda path: blobs.write(path, b""))
    for act in acts:
        with pytest.raises(BadRequest):
            act(blob)


def test_any_other_name_keeps_its_characters(blobs: AzureBlobs, name: str) -> None:
    for blob in (f"{name}/ä ö/50%?#+&=.csv", f"{name}/a..b/'q'", f"{name}/" + "x" * 1000):
        blobs.write(blob, blob.encode())
        assert blobs.read(blob) == blob.encode()
        assert requests.get(blobs.sign(blob, "r", timedelta(minutes=1)), timeout=5).content == blob.encode()


def test_an_address_is_bare_and_a_signed_one_reads(blobs: AzureBlobs, name: str) -> None:
    blobs.write(f"{name}/x", b"1")
    signed = blobs.sign(f"{name}/x", "r", timedelta(minutes=1))
    assert signed.startswith(blobs.url(f"{name}/x") + "?")
    assert requests.get(signed, timeout=5).content == b"1"
    assert requests.put(signed, b"2", headers={"x-ms-blob-type": "BlockBlob"}, timeout=5).status_code == 403
    assert requests.get(signed.replace("/x?", "/y?"), timeout=5).status_code == 403


def test_a_link_to_create_does_not_replace(blobs: AzureBlobs, name: str) -> None:
    blobs.write(f"{name}/other", b"")
    signed, header = blobs.sign(f"{name}/x", "c", timedelta(minutes=1)), {"x-ms-blob-type": "BlockBlob"}
    assert requests.put(signed, b"1", headers=header, timeout=5).status_code == 201
    assert requests.put(signed, b"2", headers=header, timeout=5).status_code == 403
    writing = blobs.sign(f"{name}/x", "cw", timedelta(minutes=1))
    assert requests.put(writing, b"3", headers=header, timeout=5).status_code == 201
    assert blobs.read(f"{name}/x") == b"3"


def test_a_signature_ends(storages: Callable[..., Storage], blobs: AzureBlobs, name: str) -> None:
    blobs.write(f"{name}/x", b"1")
    earlier = storages(now=lambda: datetime.now(UTC) - timedelta(hours=2)).blobs
    assert requests.get(earlier.sign(f"{name}/x", "r", timedelta(hours=1)), timeout=5).status_code == 403


@pytest.mark.parametrize(("permissions", "lifetime"), [("racwdl", 60), ("", 60), ("r", 0), ("r", -5)])
def test_a_signature_that_could_do_too_much_is_refused(blobs: AzureBlobs, permissions: str, lifetime: int) -> None:
    with pytest.raises(BadRequest, match="permissions"):
        blobs.sign("abc/x", permissions, timedelta(seconds=lifetime))


def test_an_account_with_https_is_signed_for_https_only() -> None:
    account = Account.from_connection_string("AccountName=acc;AccountKey=a2V5")
    signed = Storage(account).blobs.sign("abc/x y", "r", timedelta(hours=1))
    assert signed.startswith("https://acc.blob.core.windows.net/abc/x%20y?")
    assert "spr=https&" in signed


def test_an_account_reached_by_a_signature_cannot_sign() -> None:
    account = Account.from_connection_string("AccountName=acc;SharedAccessSignature=sv=1&sig=secret")
    with pytest.raises(BadConfiguration, match="a SAS cannot sign") as caught:
        Storage(account).blobs.sign("abc/x", "r", timedelta(hours=1))
    assert "secret" not in str(caught.value)
