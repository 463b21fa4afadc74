"""The definitions of docs/howto/data-factory.md are deployed as they stand there, and do what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from local import scenery_factory
from local.services.datafactory.client import FactoryClient
from local.stack import ROOT
from retrain.configuration import read
from shared.services.data_factory.trainer import DataFactorySettings
from tests.app import bikes
from tests.app.world import World

PAGE = (ROOT / "docs" / "howto" / "data-factory.md").read_text(encoding="utf-8")
SPRING = ("2011-04", "2011-05", "2011-06")


def definitions() -> dict[str, dict[str, Any]]:
    """What the page has, by the words before it: `Pipeline hand-over` and the like."""
    found = re.findall(r"^(Linked service|Pipeline) `([\w-]+)`:\n\n```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    parsed = {f"{kind} {name}": msgspec.json.decode(text) for kind, name, text in found}
    assert len(parsed) == PAGE.count("```json"), "a definition without its name"
    assert all(whole.endswith(f" {one['name']}") for whole, one in parsed.items())
    return parsed


def filled(definition: dict[str, Any], world: World, app: str = "") -> dict[str, Any]:
    """A definition with what the page leaves open: addresses and secrets of this world."""
    scene = world.scenes[world.name]
    text = msgspec.json.encode(definition["properties"]).decode()
    text = text.replace("https://retrain.example.com", app).replace("bikes", world.name)
    secret = world.storage if definition["name"] == "storage" else scene.training["PrimaryKey"]
    text = text.replace('"KEY"', msgspec.json.encode(secret).decode())
    url = re.sub(r"https://[\w.]+\.azureml\.net/[\w/]+/jobs", f"{scene.training['ApiLocation']}/jobs", text)
    found: dict[str, Any] = msgspec.json.decode(url)
    return found


@pytest.fixture
def deployed(world: World) -> Iterator[tuple[World, FactoryClient]]:
    """The page's linked services in a factory of their own."""
    world.studio.switches(activityPollInterval=0.05)
    factory = FactoryClient(world.studio.url, f"{world.name}-page")
    for whole, definition in definitions().items():
        if whole.startswith("Linked service"):
            factory.put("linkedservices", definition["name"], filled(definition, world))
    yield world, factory
    factory.close()


def deploy(world: World, factory: FactoryClient, name: str) -> str:
    """A pipeline of the page, with this world's app in it; its name."""
    app = world.host.url if world.host else ""
    factory.put("pipelines", name, filled(definitions()[f"Pipeline {name}"], world, app))
    return name


def test_the_pages_pipeline_trains_for_retrain(deployed: tuple[World, FactoryClient]) -> None:
    world, factory = deployed
    deploy(world, factory, "retrain-bikes")
    scene = world.scenes[world.name]
    toml = scenery_factory.driven_by(scene, f"{factory.resource}/pipelines/retrain-bikes")
    world.scenes[world.name] = type(scene)(**{**vars(scene), "toml": toml})
    world.configure()
    world.adopt()
    trainer = world.ports.services.trainer(world.ports.models.get(world.name))
    assert {one.verdict for one in trainer.examine()} == {"ok"}
    run = world.finish(world.land("spring.csv", bikes.months(*SPRING)))
    assert run.state == "promoted", run.why


def test_a_pipeline_that_asks_retrain_instead_of_updating_gets_its_verdict(
    deployed: tuple[World, FactoryClient],
) -> None:
    world, factory = deployed
    world.adopt()
    world.start()
    name = deploy(world, factory, "train-and-ask")
    july = world.put(f"{world.name}/july.csv", bikes.months("2011-07"), "history")
    good = world.put(f"{world.name}/good.csv", bikes.months("2011-01", "2011-02", *SPRING), "history")
    ident = factory.start(name, dataPath=good, holdoutPath=july)
    assert factory.ended(ident, 90)["status"] == "Succeeded", factory.run(ident)["message"]
    told = factory.activities(ident, ActivityName="ask Retrain")[0]["output"]
    assert (told["state"], told["version"], told["model"]) == ("promoted", 1, world.name)
    assert world.call("GET", f"runs/{told['run']}").json()["given"] == f"history/{world.name}/{ident}.ilearner"
    bad = world.put(f"{world.name}/bad.csv", bikes.shuffled("2011-04"), "history")
    ident = factory.start(name, dataPath=bad, holdoutPath=july)
    assert factory.ended(ident, 90)["status"] == "Succeeded"
    assert factory.activities(ident, ActivityName="ask Retrain")[0]["output"]["state"] == "refused"
    assert len(world.patches()) == 1


def test_a_pipeline_that_hands_over_data_waits_for_what_becomes_of_it(deployed: tuple[World, FactoryClient]) -> None:
    world, factory = deployed
    world.adopt()
    world.start()
    name = deploy(world, factory, "hand-over")
    good = world.put(f"{world.name}/spring.csv", bikes.months(*SPRING), "history")
    ident = factory.start(name, dataPath=good)
    assert factory.ended(ident, 90)["status"] == "Succeeded", factory.run(ident)["message"]
    assert factory.activities(ident, ActivityName="remember")[0]["output"]["value"] == "promoted"
    broken = world.put(f"{world.name}/broken.csv", "a,b\n1\n", "history")
    ident = factory.start(name, dataPath=broken)
    assert factory.ended(ident, 90)["status"] == "Failed"
    (failed,) = factory.activities(ident, Status="Failed")
    assert failed["error"]["errorCode"] == "quarantined" and failed["error"]["message"]


def test_the_pages_configuration_can_be_used() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    whole = f'[models.bikes]\nlabel = "cnt"\n{text}\n[models.bikes.endpoint]\nkind = "any"\n[models.bikes.gate]\n'
    kinds: dict[str, Any] = {"trainers": {"data-factory": DataFactorySettings}, "endpoints": {"any": msgspec.Struct}}
    model = read(f'{whole}metric = "rmse"', **kinds)["bikes"]
    assert model.trainer.url.endswith("/pipelines/retrain-bikes")
