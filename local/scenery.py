"""Makes a model in the local Studio (classic) as its users did, and the configuration with which Retrain drives it.

Steps 1-5 and 8-9 of programmatic retraining: training experiment, predictive experiment, both deployed as web services,
two more endpoints on the predictive one (`live` and `staging`), their addresses and keys. With keys, as for many models
from one experiment, a `live` endpoint for each of them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

import msgspec

from local.services.studio.client import StudioClient

WORKSPACE, TOKEN = "0123456789abcdef0123456789abcdef", "local-workspace-token"


@dataclass(frozen=True)
class Scene:
    """One model that is being served: its addresses, its keys as settings, its configuration as TOML.

    `lives` are the endpoints that users call, by key; `live` is the only one, or that of the first key.
    """

    name: str
    live: dict[str, Any]
    patch_url: str
    keys: dict[str, str]
    toml: str
    workspace: dict[str, Any] = field(repr=False)
    training: dict[str, Any] = field(repr=False)
    service: str = ""
    lives: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)


def stage(
    studio: StudioClient,
    name: str,
    csv: str,
    *,
    task: str,
    label: str,
    learner: str,
    metric: str,
    time: str | None = None,
    staging: str = "",
    gate: str = "",
    extra: str = "",
    settle: float = 60,
    parameters: dict[str, str] | None = None,
    since: str = "2000-01-01T00:00:00Z",
    fresh: bool = False,
    targets: Sequence[str] = (),
    stagings: int = 1,
    outputs: Sequence[str] = ("evaluation", "model"),
) -> Scene:
    """Deploys a model trained on `csv` and returns how to reach it. Repeating it finds what is there.

    `gate`, `extra` are TOML lines for the model's gate and for the model itself; `staging` is another scene's slot.
    `targets` are the model's keys, each with an endpoint `liveKEY`; all share `stagings` endpoints to try models in.
    `outputs` are those of the training service: with `holdout` its jobs hold rows out and give them.
    With `fresh` nothing is taken for this model that was deployed under its name before: the next free title is taken.
    """
    workspace = studio.create_workspace("local", exist_ok=True, id=WORKSPACE, token=TOKEN)
    found = {service["Name"]: service for service in studio.services(workspace)}
    title = name.replace("-", " ").title()
    if fresh:
        title = next(t for t in _titles(title) if t not in found and f"{t} [predictive exp.]" not in found)
    if f"{title} [predictive exp.]" not in found:
        _deploy(studio, workspace, title, csv, task, label, learner, parameters or {}, outputs)
        found = {service["Name"]: service for service in studio.services(workspace)}
    scoring, training = found[f"{title} [predictive exp.]"]["Id"], found[title]["Id"]
    tries = [f"staging{number or ''}" for number in range(stagings)]
    endpoints = _endpoints(studio, workspace, scoring, name, [*(f"live{key}" for key in targets or [""]), *tries])
    lives = {key: endpoints[f"live{key}"] for key in targets or [""]}
    base = studio.get_endpoint(workspace, training)
    variable = name.upper().replace("-", "_")
    keys = {
        f"{variable}_TRAINING_KEY": base["PrimaryKey"],
        **{f"{variable}_LIVE{key}_KEY": live["PrimaryKey"] for key, live in lives.items()},
        **{f"{variable}_{slot.upper()}_KEY": endpoints[slot]["PrimaryKey"] for slot in tries},
    }
    place = "{key}" if targets else ""
    patch_url = studio.patch_url(workspace, scoring, f"live{place}")
    tried = [staging] if staging else [studio.patch_url(workspace, scoring, slot) for slot in tries]
    staging_keys = [f"env:{variable}_{slot.upper()}_KEY" for slot in tries][: len(tried)]
    toml = f"""
[models.{name}]
label = {_quoted(label)}
{f"time = {_quoted(time)}" if time else ""}
since = {since}
{f"keys = {_quoted(list(targets))}" if targets else ""}
{extra}

[models.{name}.trainer]
kind = "studio-batch"
url = "{base["ApiLocation"]}"
key = "env:{variable}_TRAINING_KEY"
input = "input1"
model = "output2"
metrics = "output1"
{f'holdout = "output{outputs.index("holdout") + 1}"' if "holdout" in outputs else ""}

[models.{name}.endpoint]
kind = "studio-classic"
production = "{patch_url}"
production_key = "env:{variable}_LIVE{place}_KEY"
staging = {_quoted(tried[0] if len(tried) == 1 else tried)}
staging_key = {_quoted(staging_keys[0] if len(tried) == 1 else staging_keys)}
settle = {settle}

[models.{name}.gate]
metric = "{metric}"
{gate}
"""
    return Scene(name, next(iter(lives.values())), patch_url, keys, toml, workspace, base, scoring, lives)


def _endpoints(
    studio: StudioClient, workspace: dict[str, Any], service: str, name: str, slots: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The endpoints of these names; those that are missing are made."""
    found = {endpoint["Name"]: endpoint for endpoint in studio.endpoints(workspace, service)}
    for slot in [slot for slot in slots if slot not in found]:
        given = {"ThrottleLevel": "High", "MaxConcurrentCalls": 20, "PrimaryKey": _key(name, slot)}
        studio.create_endpoint(workspace, service, slot, **given)
        found[slot] = studio.get_endpoint(workspace, service, slot)
    return found


def _titles(title: str) -> Iterator[str]:
    yield title
    for number in count(2):
        yield f"{title} {number}"


def _quoted(value: str | Sequence[str]) -> str:
    """A TOML string, or a list of them; JSON's are among them."""
    return msgspec.json.encode(value).decode()


def _deploy(
    studio: StudioClient,
    workspace: dict[str, Any],
    title: str,
    csv: str,
    task: str,
    label: str,
    learner: str,
    parameters: dict[str, str],
    outputs: Sequence[str],
) -> None:
    experiment = studio.create_training_experiment(
        workspace, title, task, label, csv=csv, learner=learner, parameters=parameters
    )
    studio.run_experiment(workspace, experiment["id"])
    predictive = studio.derive_predictive(workspace, experiment["id"])
    studio.deploy(workspace, predictive["id"])
    studio.add_outputs(workspace, experiment["id"], outputs)
    studio.deploy(workspace, experiment["id"], name=title)


def _key(name: str, slot: str) -> str:
    """A key that stays the same, so that a restarted stack finds its configuration valid."""
    return base64.b64encode(sha256(f"{name}/{slot}".encode()).digest() * 2).decode()
