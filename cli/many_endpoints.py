"""Creating an endpoint for each key of a model, on one scoring web service; and what to configure then."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.keyed import Result, each
from cli.problems import Problem, Usage, of_services
from retrain.keys import PLACE, expand

if TYPE_CHECKING:
    from shared.services.studio.management import EndpointInfo, Management


def pattern_of(name: str, model: str) -> str:
    """How the endpoints of a model's keys are called, unless their name was given."""
    return name or f"{model.replace('-', '')}{PLACE}"


def names_by_key(pattern: str, written: str) -> dict[str, str]:
    """The name of each key's endpoint.

    Raises:
        Usage: keys or names that cannot be used; every wrong name is named before anything is created.
    """
    from shared.services.studio.management import NAME

    try:
        keys = expand([part.strip() for part in written.split(",")])
    except ValueError as error:
        raise Usage(f"--keys: {error}") from error
    if PLACE not in pattern:
        raise Usage(f"NAME {pattern!r} is the same for every key; write {PLACE} where they differ, as in rental{PLACE}")
    names = {key: pattern.replace(PLACE, key) for key in keys}
    wrong = [name for name in names.values() if not NAME.fullmatch(name) or name == "default"]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise Usage(f"{wrong[0]!r}{more} cannot be endpoints: a name has 1 to 24 lowercase letters and digits")
    return names


def create(
    management: Management, names: dict[str, str], *, calls: int | None, at_once: int
) -> tuple[list[Result], dict[str, EndpointInfo]]:
    """Creates those that are not there yet; what became of each key, and its endpoint."""
    there = {info.name: info for info in management.list()}
    made: dict[str, EndpointInfo] = {}

    def one(key: str) -> Result:
        name, state = names[key], "kept"
        if name not in there:
            state, there[name] = "created", _created(management, name, calls)
        made[key] = there[name]
        return Result(key, state, {"name": name, "patchUrl": f"{management.url.rpartition('/')[0]}/{name}"})

    return each(list(names), one, at_once), made


def _created(management: Management, name: str, calls: int | None) -> EndpointInfo:
    with of_services():
        return management.create(name, description=name, calls=calls)


def toml(management: Management, model: str, keys: Sequence[str], written: str, pattern: str) -> str:
    """What to configure so that Retrain serves each key by its endpoint."""
    shown = f'"{written}"' if "," not in written else f"[{', '.join(f'{key!r}' for key in keys)}]".replace("'", '"')
    return f"""[models.{model}]
keys = {shown}

[models.{model}.endpoint]
kind = "studio-classic"
production = "{management.url.rpartition("/")[0]}/{pattern}"
production_key = "env:{variable(model, PLACE)}"
"""


def variable(model: str, key: str) -> str:
    """The setting with the key of an endpoint."""
    return f"{model.upper().replace('-', '_')}_{key}_KEY"


def write_secrets(file: Path, model: str, made: dict[str, EndpointInfo]) -> None:
    """Writes the endpoints' API keys as settings, for this user's eyes only: into the `Values` of a .json, as of
    local.settings.json, beside those that are there; else as NAME=VALUE lines."""
    values = {variable(model, key): info.primary_key or "" for key, info in sorted(made.items())}
    text = _merged(file, values) if file.suffix == ".json" else "".join(f"{k}={v}\n" for k, v in values.items())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as out:
        file.chmod(0o600)  # one that was there keeps its rights otherwise
        out.write(text)


def _merged(file: Path, values: dict[str, str]) -> str:
    import json

    try:
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError as error:
        raise Problem(f"{file} is not JSON ({error}), so no settings were written into it") from error
    known["Values"] = {**known.get("Values", {}), **values}
    return json.dumps(known, indent=2) + "\n"
