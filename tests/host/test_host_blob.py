"""Blob triggers: both sources, receipts, retries, poison, references."""

from __future__ import annotations

import base64
import json
import time

import requests

SETTINGS = {"WORK_QUEUE": "work", "TICK": "0 0 3 * * *", "AzureFunctionsWebHost__hostid": "myhost"}
FAST = ("--blob-scan-interval", "0.3")


def test_an_event_runs_the_function_with_the_whole_blob(account, start, saw):
    container = account.container("by-event")
    start("basics", SETTINGS)
    container.upload_blob("a/b ü.csv", b"x,y")
    (seen,) = saw()
    assert (seen["name"], seen["length"], seen["text"]) == ("by-event/a/b ü.csv", 3, "x,y")


def test_an_sdk_type_gets_a_client_of_the_blob(account, start, saw):
    container = account.container("by-reference")
    start("basics", SETTINGS)
    container.upload_blob("deep/down.csv", b"x,y")
    (seen,) = saw()
    assert (seen["kind"], seen["name"], seen["text"]) == ("BlobClient", "deep/down.csv", "x,y")


def test_only_writes_that_make_a_block_blob_are_events(account, start, saw):
    container = account.container("by-event")
    start("basics", SETTINGS)
    container.get_blob_client("appended").create_append_blob()
    blocks = container.get_blob_client("blocks")
    blocks.stage_block("YQ==", b"abc")
    blocks.commit_block_list(["YQ=="])
    blocks.set_blob_metadata({"note": "no event"})
    container.get_blob_client("copied").start_copy_from_url(blocks.url)
    assert sorted(seen["name"] for seen in saw(2)) == ["by-event/blocks", "by-event/copied"]
    time.sleep(0.3)
    assert account.take("seen") == []


def test_an_event_source_never_sees_blobs_from_before_it_started(account, start, saw):
    container = account.container("by-event")
    container.upload_blob("old", b"")
    start("basics", SETTINGS)
    container.upload_blob("new", b"")
    assert saw()[0]["name"] == "by-event/new"
    time.sleep(0.3)
    assert account.take("seen") == []


def test_duplicated_and_reordered_events_each_run_the_function(account, start, saw):
    container = account.container("by-event")
    start("basics", SETTINGS, chaos="duplicate=1,reorder=0.3,seed=7")
    for number in range(4):
        container.upload_blob(f"{number}", b"")
    names = [seen["name"] for seen in saw(8)]
    assert sorted(names) == sorted([f"by-event/{number}" for number in range(4)] * 2)
    assert names != sorted(names)


def test_dropped_events_never_arrive(account, start):
    container = account.container("by-event")
    host = start("basics", SETTINGS, chaos="drop=1")
    container.upload_blob("lost", b"")
    time.sleep(0.4)
    assert "on_event" not in host.log_text()


def test_a_failing_blob_is_retried_at_once_and_parked_with_the_platforms_json(account, start, collect):
    container = account.container("incoming")
    account.queue("tried")
    start("failing", {"AzureFunctionsWebHost__hostid": "myhost"})
    container.upload_blob("will/fail.csv", b"1")
    assert collect("tried", 2) == ["will/fail.csv"] * 2
    (parked,) = collect("webjobs-blobtrigger-poison", 1)
    text = base64.b64decode(parked).decode()
    etag = container.get_blob_client("will/fail.csv").get_blob_properties().etag
    assert json.loads(text) == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.incoming",
        "BlobType": "BlockBlob",
        "ContainerName": "incoming",
        "BlobName": "will/fail.csv",
        "ETag": etag.strip('"'),
    }
    assert text.startswith('{\n  "Type": "BlobTrigger",\n')


def test_polling_finds_old_and_new_blobs_and_leaves_completed_receipts(account, start, saw):
    container = account.container("by-polling")
    container.upload_blob("old.csv", b"1")
    container.upload_blob("ignored.txt", b"1")
    start("basics", SETTINGS, arguments=FAST)
    assert saw()[0]["name"] == "by-polling/old.csv"
    container.upload_blob("sub/new.csv", b"2")
    assert saw()[0]["name"] == "by-polling/sub/new.csv"
    etag = container.get_blob_client("old.csv").get_blob_properties().etag
    assert etag.startswith('"')
    hosts = account.blobs.get_container_client("azure-webjobs-hosts")
    receipt = hosts.get_blob_client(f"blobreceipts/myhost/Host.Functions.on_scan/{etag}/by-polling/old.csv")
    assert receipt.get_blob_properties().metadata == {}
    assert hosts.get_blob_client(f"blobscaninfo/myhost/{account.name}/by-polling/scanInfo").exists()


def test_polling_runs_each_version_once_also_across_restarts(account, start, saw):
    container = account.container("by-polling")
    first = start("basics", SETTINGS, arguments=FAST)
    container.upload_blob("a.csv", b"1")
    assert saw()[0]["text"] == "1"
    first.stop()
    start("basics", SETTINGS, arguments=FAST)
    container.upload_blob("a.csv", b"1", overwrite=True)
    saw()
    time.sleep(0.8)
    assert account.take("seen") == []


def test_a_polled_blob_that_was_overwritten_before_dispatch_runs_for_the_newest_version_only(account, start, saw):
    container = account.container("by-polling")
    old = container.upload_blob("a.csv", b"old").get_blob_properties().etag
    queue = account.queue("azure-webjobs-blobtrigger-myhost")
    message = {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.on_scan",
        "BlobType": "BlockBlob",
        "ContainerName": "by-polling",
        "BlobName": "a.csv",
        "ETag": old,
    }
    queue.send_message(base64.b64encode(json.dumps(message).encode()).decode())
    container.upload_blob("a.csv", b"new", overwrite=True)
    start("basics", SETTINGS, arguments=FAST)
    assert saw()[0]["text"] == "new"
    time.sleep(0.6)
    assert account.take("seen") == []


def test_internal_messages_that_lead_nowhere_are_dropped(account, start, eventually):
    account.container("by-event")
    queue = account.queue("azure-webjobs-blobtrigger-myhost")
    known = {"Type": "BlobTrigger", "BlobType": "BlockBlob", "ContainerName": "by-event", "ETag": "1"}
    for message in (
        {**known, "FunctionId": "Host.Functions.on_event", "BlobName": "gone"},
        {**known, "FunctionId": "Host.Functions.nobody", "BlobName": "x"},
    ):
        queue.send_message(base64.b64encode(json.dumps(message).encode()).decode())
    queue.send_message("not ours")
    start("basics", SETTINGS)
    eventually(lambda: queue.get_queue_properties().approximate_message_count == 0)


def post_event(host, body, kind="Notification", function="on_event", **more) -> requests.Response:
    url = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.{function}"
    return requests.post(url, json=body, headers={"aeg-event-type": kind}, timeout=10, **more)


def test_the_webhook_speaks_event_grid(account, start, saw):
    container = account.container("elsewhere")
    blob = container.upload_blob("no match", b"runs all the same")
    host = start("basics", SETTINGS)
    data = {"url": blob.url, "eTag": "0x1", "blobType": "BlockBlob"}
    handshake = post_event(host, [{"data": {"validationCode": "c0de"}}], "SubscriptionValidation")
    assert (handshake.status_code, handshake.json()) == (200, {"validationResponse": "c0de"})
    assert post_event(host, [{"data": data}]).status_code == 202
    assert post_event(host, {"specversion": "1.0", "data": data}).status_code == 202  # CloudEvents
    assert post_event(host, [], "Unsubscribe").status_code == 202
    assert post_event(host, [{"data": {}}]).status_code == 400
    assert post_event(host, [], "SomethingElse").status_code == 400
    assert post_event(host, [], function="nobody").status_code == 404
    assert [seen["text"] for seen in saw(2)] == ["runs all the same"] * 2


def test_a_blob_can_be_run_by_hand(account, start, saw):
    account.container("by-event").upload_blob("b.csv", b"again")
    host = start("basics", SETTINGS, events=False)
    requests.post(f"{host.url}/admin/functions/on_event", json={"input": "by-event/b.csv"}, timeout=10)
    assert saw()[0]["text"] == "again"
