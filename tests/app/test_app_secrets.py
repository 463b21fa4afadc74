"""No key, token or signature that is in play during a whole run shows in what the run leaves behind."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest
from azure.data.tables import TableServiceClient

from local import scenery
from retrain import acts, doctor
from retrain.paths import CONTAINERS
from retrain.run import State
from shared.services.credentials import identity_token
from shared.services.studio.blobs import BlobReference
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = bikes.months("2011-04", "2011-05", "2011-06")
VAULT = "https://vault.azure.net/.default"
SIGNATURE = re.compile(r"(?i)\bsig(?:=|%3D)(?!\*\*\*)[A-Za-z0-9%+/]{10,}")
TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")


@pytest.fixture
def world(world: World) -> World:
    """Its training key and its live key are in the vault, so that tokens are in play too."""
    variable = world.name.upper().replace("-", "_")
    changes = []
    for name in (f"{variable}_TRAINING_KEY", f"{variable}_LIVE_KEY"):
        kept = name.lower().replace("_", "-")
        world.keep_secret(kept, world.settings[name])
        changes.append((f"env:{name}", f"keyvault:{kept}"))
    world.configure(*changes)
    world.without(f"{variable}_TRAINING_KEY", f"{variable}_LIVE_KEY")
    return world


def secrets(world: World) -> dict[str, str]:
    """Every secret in play, by what it is."""
    account = next(part for part in world.storage.split(";") if part.startswith("AccountKey="))
    keys = {name: value for scene in world.scenes.values() for name, value in scene.keys.items()}
    return {
        **keys,
        "storage": account.partition("=")[2],
        "identity": world.stack.identity["IDENTITY_HEADER"],
        "workspace": scenery.TOKEN,
        "token": identity_token(VAULT),
    }


def leaks(world: World, texts: Iterable[tuple[str, str]]) -> list[str]:
    """Where a secret, a token or a signature stands in one of the texts, which are (place, content)."""
    known = secrets(world)
    shapes = {"signature": SIGNATURE, "token": TOKEN}
    found, count = [], 0
    for place, text in texts:
        count += 1
        found += [f"{name} in {place}" for name, value in known.items() if value in text]
        found += [f"{kind} in {place}" for kind, shape in shapes.items() if shape.search(text)]
    assert count, "nothing was looked at"
    return found


def rows(world: World) -> Iterator[tuple[str, str]]:
    """Every row of every table."""
    with TableServiceClient.from_connection_string(world.storage) as service:
        for table in service.list_tables():
            for row in service.get_table_client(table.name).list_entities():
                yield f"row {row['PartitionKey']} {row['RowKey']}", repr(dict(row))


def blobs(world: World) -> Iterator[tuple[str, str]]:
    """Every blob, its name and metadata too, but models, which are archives."""
    for container in CONTAINERS:
        for name in world.names(container):
            if not name.endswith(".ilearner"):
                yield f"blob {container}/{name}", f"{name}\n{world.read(f'{container}/{name}').decode('latin-1')}"


def answers(world: World) -> Iterator[tuple[str, str]]:
    """What the interface shows."""
    run = world.runs()[0]["id"]
    for path in ("models", f"models/{world.name}", f"models/{world.name}/runs", f"runs/{run}", "doctor"):
        yield path, world.call("GET", path).text
    yield "dry run", world.call("POST", f"runs/{run}/promote?dryRun=true").text


def test_the_search_finds_what_it_looks_for(world: World) -> None:
    url = world.ports.blobs.sign("runs/x", "r", timedelta(minutes=1))
    known = secrets(world)
    token = str(BlobReference.of(url).sas_blob_token)
    assert leaks(world, [("a", url), ("b", token)]) == ["signature in a", "signature in b"]
    assert leaks(world, [("c", f"Bearer {known['token']}")]) == ["token in c", "token in c"]
    assert leaks(world, [("d", known["storage"] + known["identity"])]) == ["storage in d", "identity in d"]


def test_messages_rows_blobs_and_the_most_talkative_log_of_a_run_hold_no_secret(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    hand = world.hand

    def noting(queue: str, content: str, redelivered: bool = False) -> None:
        messages.append(content)
        hand(queue, content, redelivered)

    monkeypatch.setattr(world, "hand", noting)
    with caplog.at_level(logging.DEBUG):
        world.adopt()
        run = world.finish(world.land("spring.csv", SPRING))
        assert run.state is State.PROMOTED, run.why
        acts.rollback(world.name, world.ports, actor=TESTER, why="only to try it")
        world.pump()
        doctor.examine_all(world.ports)
    assert len(messages) > 3
    assert leaks(world, (("message", text) for text in messages)) == []
    assert leaks(world, rows(world)) == []
    assert leaks(world, blobs(world)) == []
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
    assert leaks(world, [("log", said)]) == []


def test_the_hosts_log_and_every_answer_hold_no_secret_when_things_go_wrong(world: World) -> None:
    world.adopt()
    world.studio.fault("submitjob", status=500, code="InternalError", times=2)
    world.studio.fault("patch", status=503, times=2)
    host = world.start()
    world.drop("spring.csv", SPRING)
    world.drop("broken.csv", SPRING.replace(",", ";"))
    states = {run["state"] for run in world.wait(2, seconds=90)}
    assert states == {"promoted", "quarantined"}
    assert leaks(world, answers(world)) == []
    assert leaks(world, [("host log", host.log_text())]) == []
    assert leaks(world, rows(world)) == []
    assert leaks(world, blobs(world)) == []
