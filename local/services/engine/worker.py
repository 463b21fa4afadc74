"""A training worker: a process that reads tasks, one JSON line each, from its input and answers on its output.

It ends when its input ends: the server is gone then, however it died, and no training survives it.
"""

import importlib
import os
import queue
import signal
import sys
import threading
from pathlib import Path

import msgspec

from local.services.engine.learners import BadParameter, plan
from local.services.engine.modelfile import NotAModel
from local.services.engine.scoring import Models, score
from local.services.engine.store import Files
from local.services.engine.tables import BadTable, MissingColumns, Table, Unparsable, read_csv, text, write_csv
from local.services.engine.tasks import Reply, Task
from local.services.engine.training import CannotTrain, train

_CAUSES = (BadTable, MissingColumns, Unparsable, BadParameter, CannotTrain, NotAModel, FileNotFoundError)


def perform(task: Task) -> Reply:
    """Does one task; what a user can mend becomes the reply's `error`."""
    try:
        if task.call:
            return _call(task)
        table = read_csv(Path(task.data), task.location)
        return _train(task, table) if task.model is None else _score(task, table)
    except _CAUSES as cause:
        return Reply(error=str(cause))


def _call(task: Task) -> Reply:
    module, _, name = task.call.partition(":")
    reply: Reply = getattr(importlib.import_module(module), name)(task)
    return reply


def _train(task: Task, table: Table) -> Reply:
    wanted = bool(task.evaluation)
    held = bool(task.holdout)
    trained = train(table, plan(task.task, task.parameters), task.parameters, evaluate=wanted, hold_back=held)
    Path(task.output).write_bytes(trained.model)
    if held:
        columns = [[text(value) for value in trained.held.columns[name]] for name in trained.held.names]
        write_csv(Path(task.holdout), list(trained.held.names), zip(*columns, strict=True))
    if wanted:
        write_csv(Path(task.evaluation), list(trained.metrics), [[repr(value) for value in trained.metrics.values()]])
    return Reply(metrics=dict(trained.metrics))


def _score(task: Task, table: Table) -> Reply:
    model = Models(Files(Path(task.models), ".ilearner")).load(task.model or "")
    scores = score(model, table)
    rows = zip(zip(*(table.columns[name] for name in table.names), strict=True), scores.rows, strict=True)
    lines = ([*map(text, given), *scored] for given, scored in rows)
    write_csv(Path(task.output), [*table.names, *scores.names], lines)
    return Reply()


def main() -> None:
    """Serves tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server decides
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not garble the answers
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    answers.write(b"{}\n")
    while True:
        task = msgspec.json.decode(tasks.get(), type=Task)
        answers.write(b"{}\n")  # from here on a death counts against the task
        try:
            reply = perform(task)
        except Exception as bug:  # noqa: BLE001 -- the worker's outermost loop: one odd data set must not end it
            reply = Reply(error=f"Module execution failed: {bug!r}")
        answers.write(msgspec.json.encode(reply) + b"\n")


def _listen(tasks: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        tasks.put(line)
    os._exit(0)  # even amid a training: nobody is left to take the result


if __name__ == "__main__":
    main()
