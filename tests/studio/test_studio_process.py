"""The process: starting, ports, stopping, dying, restarting, and its workers."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from studio_lab import Lab

from local.services.launch import ROOT, ServicesDidNotStart, ServicesProcess, wait_until_gone
from local.services.studio.client import StudioClient
from tests.lines import rows_csv

SLOW = {"Learner": "random-forest", "Trees": "60", "Min Leaf Rows": "1", "Max Leaves": "4096"}


def process(folder: Path, storage: str, **given: object) -> ServicesProcess:
    return ServicesProcess(folder / "state", storage, workers=1, log=folder / "log", **given)  # type: ignore[arg-type]


def workers_of(client: StudioClient) -> list[int]:
    while not (pids := client.health()["workers"]):
        time.sleep(0.05)
    return [client.health()["pid"], *pids]


def test_everything_survives_a_kill_and_unfinished_jobs_are_run_again(tmp_path: Path, storage: str):
    studio = process(tmp_path, storage, switches={"propagationDelay": 0}).start()
    lab = Lab(StudioClient(studio.url), storage)
    endpoint = lab.endpoint()
    assert lab.patch(endpoint, lab.train(rows_csv(slope=-4.0))["Results"]["output2"]).ok
    before = lab.predict(endpoint)
    registered = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    lab.client.hold_jobs()
    running = lab.begin(lab.request(lab.upload(rows_csv())))
    pids = workers_of(lab.client)
    studio.kill()
    assert wait_until_gone(pids) == []

    with process(tmp_path, storage) as again:
        lab.client = StudioClient(again.url)
        endpoint = lab.client.get_endpoint(lab.workspace, lab.scoring_id, endpoint["Name"])
        lab.training = lab.client.get_endpoint(lab.workspace, lab.training_id)
        assert lab.predict(endpoint) == before
        assert lab.ended(running)["StatusCode"] == "Finished"
        assert lab.status(registered)["StatusCode"] == "NotStarted"
        assert lab.start(registered).ok
        assert lab.ended(registered)["StatusCode"] == "Finished"


def test_workers_that_die_amid_a_job_are_replaced_and_the_job_finishes(lab: Lab):
    workers = workers_of(lab.client)[1:]
    job = lab.begin(lab.request(lab.upload(rows_csv(count=3000)), **SLOW))
    time.sleep(0.3)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    assert lab.ended(job)["StatusCode"] == "Finished"
    assert not set(workers_of(lab.client)) & set(workers)


def test_cancelling_ends_a_training_that_would_take_minutes(lab: Lab):
    name = lab.upload(rows_csv(count=30_000))
    jobs = [lab.begin(lab.request(name, **{**SLOW, "Trees": "1000"})) for _ in lab.client.health()["workers"]]
    time.sleep(0.5)
    for job in jobs:
        lab.call(lab.training, "DELETE", f"/jobs/{job}?api-version=2.0")
    assert lab.train()["StatusCode"] == "Finished"


def test_keys_and_tokens_are_never_written_to_the_servers_output(lab: Lab, studio_log: Path):
    lab.train()
    lab.ended(lab.begin(lab.request(lab.upload("x\n"))))
    written = studio_log.read_text()
    assert "Failed" in written
    assert [part for part in (lab.training["PrimaryKey"], lab.workspace["token"], "sig=") if part in written] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_workers(tmp_path: Path, storage: str, number: signal.Signals):
    studio = process(tmp_path, storage).start()
    pids = workers_of(StudioClient(studio.url))
    os.kill(studio.pid, number)
    assert studio.stop() == 0
    assert wait_until_gone(pids) == []


def test_the_server_ends_with_the_program_that_started_it(tmp_path: Path, storage: str):
    text = (
        "import sys, time; from local.services.launch import ServicesProcess;"
        f"s = ServicesProcess({str(tmp_path / 'state')!r}, {storage!r}, workers=1, log={str(tmp_path / 'log')!r});"
        "s.start();"
        "print(s.pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, cwd=ROOT)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    starter.stdout.close()
    assert wait_until_gone([pid]) == []


def test_a_taken_port_is_said_and_ends_with_code_two(tmp_path: Path, storage: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServicesDidNotStart, match="exit code 2"):
            process(tmp_path, storage, port=port).start()
    assert f"Port {port} of 127.0.0.1 cannot be used" in (tmp_path / "log").read_text()


def test_a_folder_in_use_a_wrong_switch_and_a_wrong_storage_are_said(tmp_path: Path, storage: str):
    with process(tmp_path, storage), pytest.raises(ServicesDidNotStart, match="exit code 2"):
        process(tmp_path, storage).start()
    for folder, text, switches, said in (
        ("a", storage, {"speed": 9}, "There is no switch 'speed'"),
        ("b", "nonsense", {}, "not a storage connection string"),
    ):
        (tmp_path / folder).mkdir()
        with pytest.raises(ServicesDidNotStart):
            process(tmp_path / folder, text, switches=switches).start()
        assert said in (tmp_path / folder / "log").read_text()
    assert "Another stand-in uses" in (tmp_path / "log").read_text()
