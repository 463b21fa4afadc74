"""One trial: a world of its own behind a proxy of its own; its host is killed at one call and started again.

What must then be true is in `outcome`; here is how it comes about, and what had to help.
"""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import msgspec
from azure.core.exceptions import ResourceNotFoundError

from local.host import Options
from local.host.options import Chaos
from local.stack import ROOT
from retrain import reconcile
from retrain.messages import EVALUATION_QUEUE, TRAINING_QUEUE
from retrain.ports import Ports
from retrain.run import ENDED
from shared.wiring import wire
from tests.app import bikes
from tests.app.world import World
from tests.chaos.bench import Bench
from tests.chaos.calls import Call, Kill, is_receive
from tests.chaos.hosts import ForkedHost
from tests.chaos.outcome import Outcome, read

PATIENCE = 60.0  # seconds until a trial must have ended; a quiet machine needs four
LOOK = 0.35  # seconds between looks at the ledger
QUIET = 2  # looks at the queues in a row at which nothing is under way any more
FILE = "spring.csv"
MANNERLY = Chaos()
HOST_ID = "chaos"
QUEUES = (TRAINING_QUEUE, EVALUATION_QUEUE, f"azure-webjobs-blobtrigger-{HOST_ID}")
_APP = {
    "AzureFunctionsWebHost__hostid": HOST_ID,
    "RETRAIN_BLOB_SOURCE": "EventGrid",
    "RETRAIN_TICK": "0 0 0 1 1 *",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.5",
}


class Trial:
    """A context manager: a world that is adopted, and `host`s that reach everything through `proxy`."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self._hosts = bench, itertools.count()
        self.folder, self.direct = bench.account()
        self.proxy = bench.proxy()
        self.world = World(bench.stack, self.direct, self.folder)
        self.world.storage = self.proxy.through(self.direct)
        self.world.configure((bench.stack.studio.url, self.proxy.addresses["studio"]))
        self.world.adopt()
        self.ticks = 0

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        if self.world.host is not None:
            self.host.kill()
            self.world.host = None
        self.world.close()
        self.bench.fronts.shut(self.proxy)

    @property
    def host(self) -> ForkedHost:
        """The host that runs now."""
        assert isinstance(self.world.host, ForkedHost)
        return self.world.host

    @cached_property
    def ports(self) -> Ports:
        """The app's ports, past the proxy: for looking."""
        return wire({**self.world.settings, "AzureWebJobsStorage": self.direct})

    def start(self, hide_time: int = 1, chaos: Chaos = MANNERLY) -> ForkedHost:
        """Starts a host; its calls pass, and are not counted."""
        self.proxy.revive()
        options = Options(
            app=ROOT, port=0, event_grid=self.bench.stack.access_log, chaos=chaos, hide_time=hide_time, with_parent=True
        )
        host = ForkedHost(options, {**self.world.settings, **_APP}, self.folder / f"host{next(self._hosts)}.log")
        self.world.host = host  # type: ignore[assignment]
        return host

    def watched(self, kill: Kill | None, content: str) -> None:
        """Drops a file in front of a fresh host that is killed on its way, if it is to be; then starts the next one.

        Raises:
            NotReached: the call did not come.
        """
        host = self.start()
        self.proxy.watch(kill, host.kill)
        self.world.drop(FILE, content)
        if kill is not None:
            if not self.proxy.killed.wait(PATIENCE):
                raise NotReached(f"{kill} did not come; what came: {[call.name for call in self.proxy.seen]}")
            self.start()

    def settle(self, runs: int = 1) -> None:
        """Waits until so many runs have ended and no message is left. Ticks the timer, three minutes later by its own
        clock, when nothing is under way and nothing would happen any more."""
        deadline, quiet = time.monotonic() + PATIENCE, 0
        for look in itertools.count(1):
            time.sleep(LOOK)
            ended = self._ended(runs)
            empty = (ended or look % 2 == 0) and self._empty()
            if ended and empty:
                return
            quiet = quiet + 1 if empty else 0 if look % 2 == 0 else quiet
            if quiet >= QUIET:
                self.tick()
                quiet = 0
            if not self.host.alive:
                raise AssertionError(f"a host died that nobody killed: {self.state()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not ended after {PATIENCE:.0f} s: {self.state()}")

    def tick(self) -> None:
        """One round of the timer, as it would come three minutes later."""
        self.ticks += 1
        self.world.later(minutes=3)
        reconcile.tick(self.world.ports)

    def outcome(self) -> Outcome:
        """How it ended."""
        return read(self)

    def state(self) -> str:
        """Where everything stands, for a failure's message."""
        found = [(run.id, run.state, run.seq, run.due, run.why) for run in self.ports.ledger.runs(self.world.name)]
        alive = "alive" if self.host.alive else "dead"
        messages, log = self.messages(), self.host.dump()[-6000:]
        return f"{found}, messages {messages}, {self.ticks} ticks, the host is {alive}, its log:\n{log}"

    def messages(self) -> dict[str, int]:
        """How many messages each queue holds, hidden ones as well."""
        return {queue.name: self._count(queue.name) for queue in self.world.queues.list_queues()}

    def _ended(self, runs: int) -> bool:
        found = self.ports.ledger.runs(self.world.name)
        return len(found) >= runs and all(run.state in ENDED for run in found)

    def _empty(self) -> bool:
        return not any(map(self._count, QUEUES))

    def _count(self, queue: str) -> int:
        try:
            properties = self.world.queues.get_queue_client(queue).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        return properties.approximate_message_count or 0


class NotReached(AssertionError):
    """The call at which to kill did not come."""


@dataclass(frozen=True)
class Result:
    """What one trial showed: the host's calls up to its death, how it ended, how often the timer had to help."""

    calls: tuple[Call, ...]
    outcome: Outcome
    ticks: int
    seconds: float


def spring() -> str:
    """The file that every trial lands."""
    return bikes.months("2011-04")


def tried(bench: Bench, kill: Kill | None) -> Result:
    """Runs a whole trial."""
    began = time.monotonic()
    with Trial(bench) as trial:
        trial.watched(kill, spring())
        trial.settle()
        calls = tuple(trial.proxy.seen)
        return Result(calls, trial.outcome(), trial.ticks, time.monotonic() - began)


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to: its calls in order, and how it ended."""

    calls: tuple[Call, ...]
    outcome: Outcome

    def kills(self) -> list[Kill]:
        """Every place to kill: before and after each call. Before a message is received there is none: a look at a
        queue is known to bring one only by its answer, and until then all is as it was after the message was put."""
        ends = [Kill(call.name, "after") for call in self.calls]
        return [
            kill for end in ends for kill in ((end,) if is_receive(end.call) else (end._replace(when="before"), end))
        ]


def undisturbed(bench: Bench) -> Undisturbed:
    """Two runs, so that a call which only chance brought is not waited for; they must end alike."""
    first, second = tried(bench, None), tried(bench, None)
    common = set(second.calls)
    calm = Undisturbed(tuple(call for call in first.calls if call in common), first.outcome)
    assert not wrong(second, calm), wrong(second, calm)
    return calm


def all_tried(bench: Bench, kills: list[Kill], together: int) -> dict[Kill, Result | BaseException]:
    """Trials of these kills, so many at a time: they mostly wait. A trial that failed has its error as result."""
    with ThreadPoolExecutor(together) as pool:
        trials = {kill: pool.submit(tried, bench, kill) for kill in kills}
        return {kill: trial.exception() or trial.result() for kill, trial in trials.items()}


def wrong(found: Result | BaseException, calm: Undisturbed) -> str:
    """What is not as in the undisturbed run, empty when nothing."""
    if isinstance(found, BaseException):
        return f"{type(found).__name__}: {found}"
    if found.outcome.registered > 1:
        return f"{found.outcome.registered} jobs were registered and not started"
    now = msgspec.structs.replace(found.outcome, registered=calm.outcome.registered)
    names = calm.outcome.__struct_fields__
    return "; ".join(
        f"{name} is {getattr(now, name)}, undisturbed it is {getattr(calm.outcome, name)}"
        for name in names
        if getattr(now, name) != getattr(calm.outcome, name)
    )
