"""What `retrain doctor` finds: storage, configuration, and for each model its secrets, services, champion and registry.

Everything is looked at and nothing is changed. A sick model is a finding, never an error, and does not hide the others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from retrain import news, paths, production
from retrain.champion import Champion
from retrain.errors import NotFound, RetrainError
from retrain.findings import Check, examined, fail, ok, warn
from retrain.messages import EVALUATION_QUEUE, REQUESTS_QUEUE, TRAINING_QUEUE
from retrain.model import Model
from retrain.ports import Diagnosis, Endpoint, Ports
from retrain.run import ENDED, Record

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Models that are looked at beside each other: enough for hundreds within the time of one HTTP answer."""
QUEUES = (TRAINING_QUEUE, EVALUATION_QUEUE, REQUESTS_QUEUE)
SAMPLE = f"{paths.RUNS}/doctor"
MOST_KEYS = 100
"""Keys of one model that are looked at in one answer."""
Findings = tuple[Diagnosis, ...]


class Examined(Record, frozen=True):
    """What was found about one model."""

    model: str
    findings: Findings


class Report(Record, frozen=True):
    """What was found about the app as a whole, and about each model."""

    app: Findings
    models: tuple[Examined, ...]


def examine(target: str, ports: Ports) -> Report:
    """One model, with its keys if it has any. Raises NotFound, naming those there are; BadConfiguration, naming every
    mistake."""
    model = ports.models.get(target) if ":" in target else ports.models.entry(target)
    return _report(_all("storage", lambda: _app(ports)), [model], ports)


def examine_all(ports: Ports) -> Report:
    """Every model that can be used, and every mistake because of which others cannot."""
    app = (*_all("storage", lambda: _app(ports)), *_all("configuration", lambda: _configuration(ports)))
    try:
        models: Sequence[Model] = ports.models.all()
    except RetrainError:  # which is among the findings about the configuration
        models = ()
    return _report(app, models, ports)


def _report(app: Findings, models: Sequence[Model], ports: Ports) -> Report:
    left = [_unseen(model) for model in models if len(model.keys) > MOST_KEYS]
    targets = [target for model in models for target in model.targets[:MOST_KEYS]]
    with ThreadPoolExecutor(AT_ONCE, "doctor") as pool:
        found = pool.map(lambda target: _model(ports.models.get(target), ports), targets)
        return Report(app=(*app, *left), models=tuple(found))


def _unseen(model: Model) -> Diagnosis:
    advice = f"`retrain doctor {model.targets[-1]}` looks at one"
    return warn("model", f"the first {MOST_KEYS} of {len(model.keys):,} keys of {model.name} were looked at; {advice}")


def _all(subject: str, check: Check) -> Findings:
    """The findings; a bug in a check is one too, so that it hides nothing else."""
    found: list[Diagnosis] = []
    try:
        found.extend(examined(subject, check))
    except Exception as bug:
        log.exception("examining %s", subject)
        found.append(fail(subject, f"could not be examined, by a fault of Retrain ({type(bug).__name__}); see its log"))
    return tuple(found)


def _app(ports: Ports) -> Iterator[Diagnosis]:
    yield from examined("storage", lambda: _blobs(ports), lambda: _signing(ports))
    for queue in QUEUES:
        yield from examined("storage", lambda queue=queue: _queue(queue, ports))  # type: ignore[misc]


def _blobs(ports: Ports) -> Iterator[Diagnosis]:
    next(iter(ports.blobs.list(paths.INBOX)), None)
    next(iter(ports.ledger.open_runs()), None)
    yield ok("storage", "blobs and the ledger can be read")


def _signing(ports: Ports) -> Iterator[Diagnosis]:
    ports.blobs.sign(SAMPLE, "r", timedelta(minutes=5))
    yield ok("storage", "addresses of blobs can be signed, so that services can read and write them")


def _queue(queue: str, ports: Ports) -> Iterator[Diagnosis]:
    if ports.queues.waiting(queue) is None:
        yield warn("storage", f"there is no queue {queue!r}; create it, or its trigger finds nothing to listen to")
    if poisoned := ports.queues.waiting(f"{queue}-poison"):
        yield warn("storage", f"{poisoned} messages of {queue!r} failed for good; the timer takes them over next")


def _configuration(ports: Ports) -> Iterator[Diagnosis]:
    problems = ports.models.problems()
    yield from (fail("configuration", problem) for problem in problems)
    if not problems:
        yield ok("configuration", f"{len(ports.models.all())} models, without a mistake")


def _model(model: Model, ports: Ports) -> Examined:
    return Examined(model=model.target, findings=_all("model", lambda: _of(model, ports)))


def _of(model: Model, ports: Ports) -> Iterator[Diagnosis]:
    """A service whose secrets cannot be had is not asked: it would say less than is known already."""
    secrets = _all("secrets", lambda: ports.services.secrets(model))
    yield from secrets
    locked = {found.subject for found in secrets if found.verdict == "fail"}
    if "trainer" not in locked:
        yield from _trainer(model, ports)
    if "endpoint" not in locked:
        yield from _endpoint(model, ports)
    if not locked:
        yield from _all("registry", lambda: _registered(model, ports))


def _trainer(model: Model, ports: Ports) -> Iterator[Diagnosis]:
    try:
        trainer = ports.services.trainer(model)
    except RetrainError as error:
        yield fail("trainer", str(error))
        return
    yield from _all("trainer", trainer.examine)
    yield from _all("events", lambda: news.examine(model, trainer, ports))


def _endpoint(model: Model, ports: Ports) -> Iterator[Diagnosis]:
    try:
        endpoint = ports.services.endpoint(model)
    except RetrainError as error:
        yield fail("endpoint", str(error))
        return
    told = _all("endpoint", endpoint.examine)
    yield from told
    said = {one.message for one in told}  # what refuses one look at production refuses another in the same words
    yield from (one for one in _all("champion", lambda: _champion(model, endpoint, ports)) if one.message not in said)
    yield from _all("slots", lambda: _slots(endpoint, ports))


def _champion(model: Model, endpoint: Endpoint, ports: Ports) -> Iterator[Diagnosis]:
    champion = ports.ledger.champion(model.target)
    if champion is None:
        advice = f"run `retrain adopt {model.target} --holdout FILE`; until then runs wait"
        yield warn("champion", f"the live model is not on record; {advice}")
    elif champion.intent is not None:
        change = champion.intent.change
        yield ok("champion", f"a {change.kind} to version {change.version} is under way")
    else:
        yield from _live(champion, endpoint)


def _live(champion: Champion, endpoint: Endpoint) -> Iterator[Diagnosis]:
    version = f"version {champion.version}"
    if said := production.drifted(champion, endpoint):
        yield fail("champion", said)
    else:
        yield ok("champion", f"production serves {version}, as the ledger says")
    if champion.artifact is None:
        yield warn("champion", f"{version} {production.UNREADABLE}")


def _registered(model: Model, ports: Ports) -> Iterator[Diagnosis]:
    """Whether the registry, if there is one, has the champion that the ledger has."""
    registry, champion = ports.services.registry(model), ports.ledger.champion(model.target)
    if registry is None or champion is None or champion.artifact is None or champion.intent is not None:
        return
    found = next(iter(registry.champions(model.target)), None)
    if found is not None and (found.version, found.artifact.sha256) == (champion.version, champion.artifact.sha256):
        yield ok("registry", f"{found.asset.rpartition('/models/')[2]} is version {found.version}, as the ledger says")
        return
    there = f"version {found.version}" if found else "no champion"
    advice = "the timer tells it, unless its log says why it cannot"
    yield warn("registry", f"the registry has {there}, the ledger version {champion.version}; {advice}")


def _slots(endpoint: Endpoint, ports: Ports) -> Iterator[Diagnosis]:
    slots = endpoint.staging()
    if not slots:
        yield warn("slots", "no staging slot is configured: nothing can be judged, and runs wait")
    holders = [(slot, ports.ledger.slot_holder(slot.url)) for slot in slots]
    for slot, holder in holders:
        if holder is not None and _over(holder, ports):
            yield warn("slots", f"{slot.url} is held by run {holder}, which is over; it is free again within minutes")
    taken = sum(1 for _, holder in holders if holder is not None)
    if slots:
        yield ok("slots", f"{len(slots) - taken} of {len(slots)} staging slots are free")


def _over(run: str, ports: Ports) -> bool:
    try:
        return ports.ledger.run(run).state in ENDED
    except NotFound:
        return True
