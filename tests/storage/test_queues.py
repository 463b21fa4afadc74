"""What the queues promise, against Azurite."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.queue import QueueClient

from local.azurite import Azurite
from retrain.errors import BadRequest, Unavailable
from retrain.messages import RunRequest, Step, decode
from shared.storage.accounts import Account, Storage
from shared.storage.queues import LONGEST_DELAY, StorageQueues


def step(seq: int = 1) -> Step:
    return Step(run_id="income~1", seq=seq)


@pytest.fixture
def raw(azurite: Azurite, name: str) -> QueueClient:
    return QueueClient.from_connection_string(azurite.connection_string, name)


def test_a_message_is_plain_json_that_never_expires(queues: StorageQueues, name: str, raw: QueueClient) -> None:
    queues.send(name, step())
    [message] = raw.peek_messages()
    assert json.loads(message.content)["runId"] == "income~1"
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


def test_a_message_with_markup_arrives_as_it_was(queues: StorageQueues, name: str) -> None:
    request = RunRequest(model="income", reason="<a> & 'b' \"c\" é 😀")
    queues.send(name, request)
    [(_, body)] = queues.drain(name)
    assert decode(RunRequest, body) == request


def test_a_delay_is_rounded_up_to_whole_seconds(queues: StorageQueues, name: str) -> None:
    queues.send(name, step(), delay=0.2)
    assert list(queues.drain(name)) == []
    time.sleep(1.1)
    assert len(list(queues.drain(name))) == 1


@pytest.mark.parametrize(("delay", "visible"), [(0, True), (-3, True), (10**9, False)])
def test_a_delay_stays_within_what_the_service_takes(
    queues: StorageQueues, name: str, raw: QueueClient, delay: float, visible: bool
) -> None:
    queues.send(name, step(), delay=delay)
    assert bool(raw.peek_messages()) is visible
    assert LONGEST_DELAY == 604_800


def test_draining_empties_the_queue_page_by_page(queues: StorageQueues, name: str) -> None:
    for seq in range(40):
        queues.send(name, step(seq))
    drained = [decode(Step, body).seq for _, body in queues.drain(name)]
    assert sorted(drained) == list(range(40))
    assert list(queues.drain(name)) == []


def test_a_message_is_deleted_only_when_the_next_is_asked_for(
    queues: StorageQueues, name: str, raw: QueueClient
) -> None:
    queues.send(name, step())
    draining = queues.drain(name)
    ident, _ = next(draining)
    assert raw.get_queue_properties().approximate_message_count == 1
    assert next(draining, None) is None
    assert raw.get_queue_properties().approximate_message_count == 0
    assert ident


def test_a_message_that_somebody_else_deleted_meanwhile_is_passed_over(
    queues: StorageQueues, name: str, raw: QueueClient
) -> None:
    queues.send(name, step())
    draining = queues.drain(name)
    next(draining)
    raw.clear_messages()
    assert list(draining) == []


def test_a_queue_that_does_not_exist_is_empty(queues: StorageQueues, name: str) -> None:
    assert list(queues.drain(name)) == []


def test_a_message_that_is_too_large_or_a_queue_that_cannot_be_is_refused(queues: StorageQueues, name: str) -> None:
    with pytest.raises(BadRequest, match=f"send to queue {name}"):
        queues.send(name, RunRequest(reason="x" * 70_000))
    with pytest.raises(BadRequest):
        queues.send("No_Such Queue", step())


def test_an_unreachable_service_is_unavailable() -> None:
    address = "http://127.0.0.1:1/acc"
    account = Account("acc", {"blob": address, "queue": address, "table": address}, key="a2V5")
    with pytest.raises(Unavailable, match="send to queue training: no answer"):
        Storage(account, retries=0).queues.send("training", step())


def test_threads_share_the_connections(storages: Callable[..., Storage], name: str) -> None:
    queues = storages().queues
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda seq: queues.send(name, step(seq)), range(32)))
    assert len(list(queues.drain(name))) == 32


def test_waiting_messages_are_counted_hidden_ones_too_and_no_queue_is_none(queues: StorageQueues, name: str) -> None:
    assert queues.waiting(name) is None
    queues.send(name, step())
    queues.send(name, step(2), delay=60)
    assert queues.waiting(name) == 2
    assert len(list(queues.drain(name))) == 1
    assert queues.waiting(name) == 1
