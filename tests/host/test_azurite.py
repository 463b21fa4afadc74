"""Azurite as this project starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite, AzuriteError

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_named(azurite):
    with pytest.raises(AzuriteError, match=f"port {azurite.ports['queue']} on 127.0.0.1 is taken"):
        Azurite(queue_port=azurite.ports["queue"])


def test_accounts_do_not_see_each_other(azurite):
    names = []
    for account in ("account70", "account71"):
        with BlobServiceClient.from_connection_string(azurite.connection_string_for(account)) as service:
            service.create_container("same-name")
            names.append([container.name for container in service.list_containers()])
    assert names == [["same-name"]] * 2


def test_the_log_has_one_line_for_each_request_with_its_status(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string_for("account72")) as service:
        service.create_container("logged").upload_blob("a.csv", b"1")
    deadline = time.monotonic() + 5
    while "/account72/logged/a.csv" not in azurite.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    lines = [line for line in azurite.log.read_text().splitlines() if "/account72/logged/" in line]
    assert len(lines) == 1
    assert lines[0].endswith('"PUT /account72/logged/a.csv HTTP/1.1" 201 -')


def test_data_on_disk_and_the_log_survive_a_restart(tmp_path):
    log = tmp_path / "access.log"
    for expected in ([], ["kept"]):
        with (
            Azurite(tmp_path / "data", log=log) as azurite,
            BlobServiceClient.from_connection_string(azurite.connection_string) as service,
        ):
            assert [container.name for container in service.list_containers()] == expected
            if not expected:
                service.create_container("kept")
    assert log.read_text().count("GET /devstoreaccount1") == 2


def test_azurite_ends_with_the_process_that_started_it():
    program = "import os; from local.azurite import Azurite; print(Azurite().pid, flush=True); os.kill(os.getpid(), 9)"
    killed = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    pid = int(killed.stdout)
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def test_a_forked_child_does_not_keep_azurite_alive():
    program = (
        "import os, sys, time; from local.azurite import Azurite; azurite = Azurite()\n"
        "child = os.fork() or time.sleep(8)\n"
        "print(azurite.pid, child, flush=True); os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        pid, child = map(int, parent.stdout.readline().split())
        deadline = time.monotonic() + 6
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        gone, child_lives = not _runs(pid), _runs(child)
        os.kill(child, 9)
    assert (gone, child_lives) == (True, True)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
