"""Starting, refusing to start, stopping, being killed; settings and keys."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests
from conftest import APPS

from local.host.launch import HostError


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        ("broken_import", "module_that_does_not_exist"),
        ("broken_binding", "declared in Python but not in the function definition"),
        ("no_functions", "0 functions"),
        ("two_apps", "More than one"),
        ("token_output", "{tokens} in outputs"),
    ],
)
def test_an_app_that_would_have_no_functions_in_azure_ends_the_host_with_1(start, app, reason):
    with pytest.raises(HostError, match=reason.replace("{", r"\{")) as caught:
        start(app)
    assert caught.value.code == 1


def test_a_missing_setting_is_named(start):
    with pytest.raises(HostError, match="WORK_QUEUE") as caught:
        start("basics", {"TICK": "0 0 3 * * *"})
    assert caught.value.code == 1


def test_a_schedule_that_cannot_be_read_is_named(start):
    with pytest.raises(HostError, match="function tick: schedule 'often'"):
        start("basics", {"TICK": "often", "WORK_QUEUE": "work"})


def test_a_taken_port_ends_the_host_with_2(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HostError, match="is taken") as caught:
            start("guarded", port=taken.getsockname()[1])
    assert caught.value.code == 2


def test_the_environment_wins_over_the_settings_file_and_set_wins_over_both(account, start, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"Values": {"TICK": "0 0 3 * * *", "WORK_QUEUE": "from-file"}}))
    host = start(
        "basics", {"WORK_QUEUE": "from-environment"}, arguments=("--settings", str(path), "--set", "WORK_QUEUE=given")
    )
    account.queue("given").send_message("x")
    deadline = time.monotonic() + 5
    while "queue given" not in host.log_text() and time.monotonic() < deadline:
        time.sleep(0.03)
    assert "queue given, message" in host.log_text()


def test_secrets_of_storage_do_not_reach_the_log(account, start, saw):
    account.queue("work").send_message("x")
    host = start("basics", {"WORK_QUEUE": "work", "TICK": "0 0 3 * * *"})
    saw()
    assert "sig=[redacted]&sv=1" in host.log_text()
    assert "verysecret" not in host.log_text()


def test_sigterm_finishes_what_runs_and_fetches_no_more(account, start, collect):
    account.queue("seen")
    work = account.queue("work")
    for _ in range(3):
        work.send_message("0.8")
    host = start("slow")
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(requests.get(f"{host.url}/sleep/0.8", timeout=10)))
    asking.start()
    collect("seen", 2)
    assert host.stop() == 0
    asking.join()
    assert answers[0].text == "slept"
    assert sorted(account.take("seen")) == ["end 1", "end 1"]
    assert work.get_queue_properties().approximate_message_count == 1


def test_a_host_ends_with_the_process_that_started_it(account, tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from local.host.launch import HostProcess\n"
        "from tests_host_apps import APP, SETTINGS\n"
    )
    (tmp_path / "tests_host_apps.py").write_text(
        f"from pathlib import Path\nAPP = Path({str(APPS / 'guarded')!r})\n"
        f"SETTINGS = {{'AzureWebJobsStorage': {account.connection_string!r}}}\n"
    )
    program += "host = HostProcess(APP, SETTINGS); print(host.url, flush=True); os.kill(os.getpid(), 9)"
    root = str(APPS.parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{root}:{tmp_path}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    url = killed.stdout.strip()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            requests.get(url, timeout=1)
        except requests.Timeout:
            continue  # accepted on its way down
        except requests.ConnectionError:
            return
        time.sleep(0.05)
    pytest.fail("the host outlived its parent")


def test_a_parent_that_has_imported_the_host_can_fork_it(account):
    program = (
        "import os, sys, threading; from pathlib import Path; import local.host\n"
        "assert threading.active_count() == 1\n"
        f"options = local.host.Options(app=Path({str(APPS / 'guarded')!r}), port=0, hide_time=2)\n"
        "child = os.fork()\n"
        "if not child: os._exit(local.host.run(options))\n"
        "print(child, flush=True); sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(APPS.parents[2]), "AzureWebJobsStorage": account.connection_string},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        child = int(parent.stdout.readline())
        url = json.loads(parent.stdout.readline())["url"]
        assert requests.get(f"{url}/api/open", timeout=10).text == "nobody"
        os.kill(child, signal.SIGTERM)
    assert parent.returncode == 0


def key_of(account, document: str, *path) -> str:
    found = json.loads(account.read("azure-webjobs-secrets")[f"myhost/{document}.json"])
    for step in path:
        found = found[step]
    return found["value"]


def test_keys_are_asked_for_when_switched_on(account, start, saw):
    container = account.container("incoming")
    host = start("guarded", {"AzureFunctionsWebHost__hostid": "myhost"}, enable_auth=True)

    def status(path: str, key: str = "", **query: str) -> int:
        headers = {"x-functions-key": key} if key else {}
        return requests.get(f"{host.url}{path}", headers=headers, params=query, timeout=10).status_code

    master = key_of(account, "host", "masterKey")
    shared = key_of(account, "host", "functionKeys", 0)
    own = key_of(account, "keyed", "keys", 0)
    assert status("/api/open") == 200
    assert [status("/api/keyed", key) for key in ("", "wrong", own, shared, master)] == [401, 401, 200, 200, 200]
    assert status("/api/keyed", code=own) == 200
    assert [status("/api/ruled", key) for key in ("", own, shared, master)] == [401, 401, 401, 200]
    assert [status("/admin/host/status", key) for key in ("", shared, master)] == [401, 401, 200]
    webhook = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.incoming"
    assert requests.post(webhook, json=[], timeout=10).status_code == 401
    container.upload_blob("by-event-grid", b"")  # the player knows its key
    assert account.queues.get_queue_client("seen")
    deadline = time.monotonic() + 5
    while not (found := account.take("seen")) and time.monotonic() < deadline:
        time.sleep(0.03)
    assert base64_text(found[0]) == "incoming/by-event-grid"


def base64_text(text: str) -> str:
    return base64.b64decode(text).decode()


def test_keys_stay_the_same_across_restarts(account, start):
    first = start("guarded", {"AzureFunctionsWebHost__hostid": "myhost"}, enable_auth=True)
    before = account.read("azure-webjobs-secrets")
    first.stop()
    start("guarded", {"AzureFunctionsWebHost__hostid": "myhost"}, enable_auth=True)
    assert account.read("azure-webjobs-secrets") == before


def test_nothing_asks_for_keys_when_not_switched_on(account, start):
    host = start("guarded")
    assert requests.get(f"{host.url}/api/ruled", timeout=10).status_code == 200
    assert "azure-webjobs-secrets" not in [container.name for container in account.blobs.list_containers()]
