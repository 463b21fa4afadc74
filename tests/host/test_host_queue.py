"""Queue triggers: delivery, metadata, encoding, retries, poison, hiding."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from datetime import UTC, datetime

import requests
from azure.storage.queue import QueueClient
from azure.storage.queue.aio import QueueClient as AsyncQueueClient
from conftest import Account

from local.azurite import Azurite
from local.host.renewal import Renewal

BASICS = {"WORK_QUEUE": "work", "TICK": "0 0 3 * * *"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def counted(queue: QueueClient) -> int:
    return queue.get_queue_properties().approximate_message_count


def test_a_message_runs_its_function_and_is_deleted(account, start, saw, eventually):
    work = account.queue("work")
    sent = work.send_message("hello", time_to_live=-1)
    start("basics", BASICS)
    (seen,) = saw()
    assert (seen["body"], seen["attempt"], seen["id"]) == ("hello", 1, sent.id)
    assert seen["expires"].startswith("9999")
    eventually(lambda: counted(work) == 0, "deletion")


def test_members_of_a_json_body_override_the_metadata_ignoring_case(account, start, saw):
    account.queue("work").send_message(json.dumps({"ID": "from the body", "dequeuecount": 7, "list": [1]}))
    start("basics", BASICS)
    (seen,) = saw()
    assert (seen["id"], seen["attempt"]) == ("from the body", 7)


def test_a_trigger_does_not_make_its_queue_but_finds_it_when_it_appears(account, start, saw):
    host = start("basics", BASICS, events=False)
    assert [queue.name for queue in account.queues.list_queues()] == []
    account.queue("work").send_message("late")
    assert saw()[0]["body"] == "late"
    assert host.stop() == 0


def test_base64_is_decoded_and_failures_are_parked_after_the_maximum(account, start, collect, eventually):
    work = account.queue("work")
    account.queue("tried")
    start("failing")
    work.send_message(encoded("please fail"))
    assert collect("tried", 3) == ["please fail 1", "please fail 2", "please fail 3"]
    assert collect("work-poison", 1) == [encoded("please fail")]
    eventually(lambda: counted(work) == 0, "removal from the queue")


def test_text_that_is_not_base64_is_parked_raw_without_running(account, start, collect):
    work = account.queue("work")
    account.queue("tried")
    start("failing")
    work.send_message("not base64!")
    work.send_message(encoded("fine"))
    assert collect("work-poison", 1) == ["not base64!"]
    assert collect("tried", 1) == ["fine 1"]


def test_a_message_that_was_fetched_too_often_is_parked_without_running(account, start, collect):
    work = account.queue("work")
    account.queue("tried")
    work.send_message(encoded("crashes its host"))
    for _ in range(3):  # three hosts died of it
        (message,) = work.receive_messages(max_messages=1, visibility_timeout=30)
        work.update_message(message, visibility_timeout=0)
    start("failing")
    assert collect("work-poison", 1) == [encoded("crashes its host")]
    assert account.take("tried") == []


def test_a_setting_overrides_host_json(account, start, collect):
    account.queue("tried")
    account.queue("work").send_message(encoded("fail"))
    start("failing", {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "1"})
    assert collect("work-poison", 1) == [encoded("fail")]
    assert account.take("tried") == ["fail 1"]


def test_a_disabled_function_does_not_run(account, start, saw):
    account.queue("work").send_message("nobody reads this")
    events = account.container("by-event")
    start("basics", BASICS | {"AzureWebJobs.on_message.Disabled": "true"})
    events.upload_blob("other.csv", b"")
    assert saw()[0]["function"] == "on_event"
    assert counted(account.queues.get_queue_client("work")) == 1


def test_no_more_run_at_once_than_batch_size_and_threshold_allow(account, start, collect):
    account.queue("seen")
    work = account.queue("work")
    for _ in range(5):
        work.send_message("0.15")
    start("slow")
    running, most = 0, 0
    for event in collect("seen", 10):
        running += 1 if event.startswith("start") else -1
        most = max(most, running)
    assert most == 2


def test_a_running_message_stays_hidden_longer_than_the_hide_time(account, start, collect):
    account.queue("seen")
    account.queue("work").send_message("3.2")
    start("slow", hide_time=1)
    assert collect("seen", 2) == ["start 1", "end 1"]


def test_a_killed_hosts_message_comes_back_after_the_hide_time(account, start, collect):
    account.queue("seen")
    account.queue("work").send_message("1")
    first = start("slow", hide_time=1)
    assert collect("seen", 1) == ["start 1"]
    first.kill()
    start("slow", hide_time=1)
    assert collect("seen", 2) == ["start 2", "end 2"]


def test_ten_minutes_of_hiding_are_kept_by_the_storage_clock(start):
    with Azurite() as moved:  # of its own: the one that everybody shares cannot have its clock moved
        own = Account("devstoreaccount1", moved.connection_string)
        own.queue("seen")
        work = own.queue("work")
        work.send_message("30")
        host = start("slow", {"AzureWebJobsStorage": own.connection_string}, events=False, hide_time=600)
        while not own.take("seen"):
            time.sleep(0.03)
        host.kill()
        moved.advance(598)
        assert list(work.receive_messages()) == []
        moved.advance(3)
        assert [message.dequeue_count for message in work.receive_messages()] == [2]
        own.close()


def test_hiding_is_renewed_every_five_minutes_for_ten(account, azurite):
    """The pauses are counted by an injected clock; the requests are real."""
    account.queue("work").send_message("long")
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 3:
            await asyncio.Event().wait()

    async def hold() -> None:
        queue = AsyncQueueClient.from_connection_string(account.connection_string, "work")
        async with queue:
            message = await queue.receive_message(visibility_timeout=1)
            before = message.pop_receipt
            async with Renewal(queue, message, 600, sleep):
                while len(pauses) <= 3:
                    await asyncio.sleep(0.01)
            assert message.pop_receipt != before
            assert (message.next_visible_on - datetime.now(UTC)).total_seconds() > 590
            await queue.delete_message(message)

    asyncio.run(hold())
    assert pauses == [300.0] * 4
    requests_made = azurite.log.read_text()
    assert len(re.findall(rf"PUT /{account.name}/work/messages/\S*visibilitytimeout=600", requests_made)) == 3


def test_a_message_put_by_anybody_wakes_an_idle_poller(account, start, saw):
    work = account.queue("work")
    start("basics", BASICS | {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:05:00"})
    work.send_message("first")
    saw()
    time.sleep(2.5)  # by now the pauses between polls are long
    began = time.monotonic()
    work.send_message("second")
    saw()
    assert time.monotonic() - began < 0.6


def test_a_delayed_message_wakes_the_poller_when_it_becomes_visible(account, start, saw):
    work = account.queue("work")
    start("basics", BASICS | {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:05:00"})
    time.sleep(1.5)
    began = time.monotonic()
    work.send_message("later", visibility_timeout=2)
    saw()
    assert 1.9 < time.monotonic() - began < 2.8


def test_a_message_started_by_hand_runs_without_a_queue(account, start, saw):
    host = start("basics", BASICS)
    requests.post(f"{host.url}/admin/functions/on_message", json={"input": "by hand"}, timeout=10)
    assert saw()[0]["body"] == "by hand"
