"""`python -m benchmarks.keys [KEYS]`: what a run costs a model of one key, and one of many.

The domain runs in this process, driven message by message; counted is every storage call of the app and of Studio, as
the storage's access log tells, between the landing of a key's file and the end of its run. No Functions host and its
polls are in it.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import mean

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from benchmarks.storage_calls import accessed
from local import bikes
from local.scenery import Scene, stage
from local.stack import Stack
from retrain import adoption, advance, landing
from retrain.messages import EVALUATION_QUEUE, TRAINING_QUEUE, step_or_settle
from retrain.ports import Ports
from retrain.run import Actor, Run
from shared.wiring import wire

ME = Actor(kind="person", id="benchmark")
SERVED = {"task": "regression", "label": bikes.LABEL, "learner": "ridge", "metric": bikes.METRIC, "time": bikes.TIME}


def scaled(content: str, factor: float) -> bytes:
    """The rows of a station with so many times the rentals."""
    header, *rows = csv.reader(io.StringIO(content))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *([*row[:-1], float(row[-1]) * factor] for row in rows)])
    return out.getvalue().encode()


class Rental:
    """An adopted model with so many keys."""

    def __init__(self, stack: Stack, folder: Path, count: int) -> None:
        self.stack, self.name = stack, f"rental-{count}"
        self.keys = [f"{number:04}" for number in range(1, count + 1)]
        self.blobs = BlobServiceClient.from_connection_string(stack.storage)
        self.queues = QueueServiceClient.from_connection_string(stack.storage)
        first = bikes.months("2011-01", "2011-02")
        scene = stage(stack.client, self.name, first, settle=0, targets=self.keys, extra='train_on = "batch"', **SERVED)
        self.ports = self._ports(scene, folder)
        for key in self.keys:
            holdout = self._put("history", key, "holdout.csv", scaled(bikes.months("2011-03"), 2))
            adoption.adopt(f"{self.name}:{key}", holdout, self.ports, actor=ME)

    def _ports(self, scene: Scene, folder: Path) -> Ports:
        models = folder / f"{self.name}.toml"
        models.write_text(scene.toml)
        return wire({"AzureWebJobsStorage": self.stack.storage, "RETRAIN_MODELS_FILE": str(models), **scene.keys})

    def _put(self, container: str, key: str, name: str, content: bytes) -> str:
        self.blobs.get_blob_client(container, f"{self.name}/{key}/{name}").upload_blob(content)
        return f"{container}/{self.name}/{key}/{name}"

    def retrain(self, key: str) -> Counter[str]:
        """Lands a file of a key and drives its run to its end; the storage calls that took."""
        content = scaled(bikes.months("2011-04", "2011-05"), 2)
        blob = self._put("training-data", key, "spring.csv", content)
        time.sleep(0.1)  # until the upload itself is in the log
        begin = self.stack.access_log.stat().st_size
        run = landing.land(blob, self.ports)
        assert run is not None
        advance.drive(run, self.ports, TRAINING_QUEUE)
        polls = self._drive(run)
        counted = accessed(self.stack.access_log, begin)
        counted.subtract(polls)  # this program's own looks at the queues stand for the host's
        return +counted

    def _drive(self, run: Run) -> Counter[str]:
        looks: Counter[str] = Counter()
        while not self.ports.ledger.run(run.id).ended:
            looks["GET ledger"] += 1
            for queue in (TRAINING_QUEUE, EVALUATION_QUEUE):
                client = self.queues.get_queue_client(queue)
                looks[f"GET {queue}/messages"] += 1
                for message in client.receive_messages():
                    advance.receive(step_or_settle(message.content), self.ports, queue=queue, redelivered=False)  # type: ignore[arg-type]
                    client.delete_message(message)
        looks["GET ledger"] += 1
        return looks


def main(count: int) -> None:
    """Shows the storage calls of each run: with one key, and of the last ones of many."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), switches={"propagationDelay": 0}, workers=1) as stack,
    ):
        for many in (1, count):
            rental = Rental(stack, Path(folder), many)
            measured = [rental.retrain(key) for key in rental.keys]
            late = measured[-10:]
            print(f"{many} keys: {mean(run.total() for run in late):.1f} storage calls a run")
            for kind, calls in sum(late, Counter()).most_common():
                print(f"  {calls / len(late):5.1f}  {kind}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
