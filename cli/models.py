"""Commands about models: which there are and what is live, and adopting the live one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.api import Api, Json, segment
from cli.keyed import AtOnce, Result, at, blame, document, each, existing, has_key, targets_with
from cli.options import AsJson, Model, connect
from cli.problems import Usage
from cli.render import emit, facts, figure, heading, say, size, table
from cli.show import who
from cli.times import age, clock
from retrain.keys import PLACE

NEEDS_HOLDOUT = (
    "adopting {model} needs --holdout FILE: a CSV of labelled rows that the live model was not trained on. It is asked "
    "to score them, which shows that label, columns and keys are right; the result is the baseline on record. Nothing "
    "at the service is changed"
)


def list_models(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Show this one with its changes.")] = None,
    json: AsJson = False,
) -> None:
    """List the models and what is live, or show one with every change of its production.

    ```
    retrain models
    retrain models bikes
    ```
    """
    api = connect(ctx)
    found = api.get(f"/api/models/{segment(model)}" if model else "/api/models")
    if json:
        emit(found)
    elif "targets" in found:
        _keys(found)
    elif model:
        _one(found)
    else:
        _all(found["models"])


def _all(models: list[Json]) -> None:
    if not models:
        say("No model is configured; put a .toml into config/models/ of the storage account.")
        return
    titles = ("MODEL", "LABEL", "METRIC", "LIVE", "SINCE", "PROMOTION", "SCHEDULE", "UNDER WAY")
    table(titles, [_row(model) for model in models])


def _keys(model: Json) -> None:
    """A model with keys: what is live for each."""
    say(f"{model['name']}: {model['keys']:,} keys, {model['adopted']:,} with a model on record", "bold")
    table(("KEY", "LIVE", "SINCE", "UNDER WAY"), [_key_row(target) for target in model["targets"]])


def _key_row(target: Json) -> tuple[str, ...]:
    champion = target.get("champion")
    live = version_of(champion) if champion else "not adopted"
    return target["key"], live, age(champion["since"]) if champion else "-", under_way(champion) or "-"


def _row(model: Json) -> tuple[str, ...]:
    champion = model.get("champion")
    live = version_of(champion) if champion else "not adopted"
    if "keys" in model:
        live = f"{model['adopted']:,} of {model['keys']:,} keys"
    return (
        model["name"],
        model["label"],
        model["metric"],
        live,
        age(champion["since"]) if champion else "-",
        model["promotion"],
        model.get("schedule") or "-",
        under_way(champion) or "-",
    )


def version_of(champion: Json) -> str:
    """`version 3`, and whose model that is after a rollback."""
    version, origin = champion["version"], champion["origin"]
    return f"version {version}" if version == origin else f"version {version} (the model of {origin})"


def under_way(champion: Json | None) -> str:
    """The change of production that has begun and not ended."""
    intent = (champion or {}).get("intent")
    if not intent:
        return ""
    change = intent["change"]
    restoring = ", being taken back" if intent.get("restoring") else ""
    return f"{change['kind']} to version {change['version']}{restoring}"


def _one(model: Json) -> None:
    say(model["name"], "bold")
    champion = model.get("champion") or {}
    facts(
        {
            "label": f"{model['label']} ({model['kind']})",
            "metric": model["metric"],
            "promotion": model["promotion"],
            "schedule": model.get("schedule") or "",
            "since": f"{clock(model['since'])} (older data is history)" if model.get("since") else "",
            "configuration": model["configuration"],
            "live": f"{version_of(champion)}, since {age(champion['since'])}" if champion else "not adopted yet",
            "run": champion.get("run", ""),
            "location": champion.get("location", ""),
            "under way": under_way(champion),
            "look back": _looked_back(champion.get("review")),
            "in doubt": _in_doubt(model.get("doubted")),
        }
    )
    if _asked(champion.get("review")):
        say(
            f"Go back: retrain rollback {model['name']}; or keep it: retrain keep {model['name']} --reason TEXT", "bold"
        )
    if not champion:
        say(f"Adopt what is live: retrain adopt {model['name']} --holdout FILE")
    if changes := model.get("changes"):
        heading("Changes of production")
        table(("VERSION", "CHANGE", "MODEL OF", "WHEN", "BY", "WHY"), [_change(change) for change in changes], indent=2)


def _asked(review: Json | None) -> bool:
    """Whether a person is to say what becomes of a model that proved worse than the one before it."""
    return bool(review and review.get("asked") and not review.get("answered"))


def _looked_back(review: Json | None) -> str:
    if not review:
        return ""
    answer = f"; kept by {who(review['answered'])}: {review.get('answer', '')}" if review.get("answered") else ""
    return f"{review['why']} ({review['run']}){answer}"


def _in_doubt(doubted: Json | None) -> str:
    return f"the batch of {doubted['run']}, until the next one: {doubted.get('why', '')}" if doubted else ""


def _change(change: Json) -> tuple[str, ...]:
    origin = f"version {change['origin']}"
    by = who(change.get("actor"))
    return str(change["version"]), change["kind"], origin, age(change["at"]), by, change.get("why", "")


def adopt(
    ctx: typer.Context,
    model: Model,
    holdout: Annotated[
        str | None, typer.Option(metavar="FILE", help="Labelled rows the live model was not trained on.")
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="What the live model was trained on; may be repeated.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Accept a change that was made outside of Retrain.")] = False,
    at_once: AtOnce = 4,
    json: AsJson = False,
) -> None:
    """Record the live model as the champion, so that there is something to compare with and to go back to.

    Every model starts with this once. Nothing at the service is changed. Files given with --data are trained on
    together with what lands later. With {key} in the files' names, each key of the model that has a file is adopted;
    those that are on record already are passed over.

    ```
    retrain adopt bikes --holdout august.csv --data january-to-july.csv
    retrain adopt bikes --holdout august.csv --again
    retrain adopt rental --holdout 'holdouts/{key}.csv' --data 'first/{key}.csv'
    ```
    """
    if holdout is None:
        raise Usage(NEEDS_HOLDOUT.format(model=model))
    api, given = connect(ctx), data or []
    if has_key(holdout, *given):
        _adopt_keys(api, model, holdout, given, again, at_once, json)
        return
    found = _adopt(api, model, holdout, given, again)
    if json:
        emit(found)
    else:
        _adopted(model, found, given)


def _adopt(api: Api, target: str, holdout: str, data: Sequence[str], again: bool) -> Json:
    files = [existing(holdout, "--holdout"), *(existing(file, "--data") for file in data)]
    held, *given = [api.upload(target, file, file.name, "history") for file in files]
    return api.post(f"/api/models/{segment(target)}/adopt", {"holdout": held, "data": given, "again": again})


def _adopt_keys(api: Api, model: str, holdout: str, data: Sequence[str], again: bool, at_once: int, json: bool) -> None:
    """Adopts every key that has a holdout file and is not on record yet."""
    if not has_key(holdout):
        raise Usage(f"--data has {PLACE}, so --holdout needs it too: each key is scored on rows of its own")
    targets = {target["key"]: target for target in targets_with(api, model, holdout)}

    def one(key: str) -> Result:
        target = targets[key]
        if target.get("champion") and not again:
            return Result(key, "kept", {"champion": target["champion"]})
        paths = [str(at(text, key)) for text in (holdout, *data)]
        return Result(key, "adopted", _adopt(api, target["name"], paths[0], paths[1:], again))

    results = each(list(targets), one, at_once)
    if json:
        emit(document(model, results))
    else:
        table(("KEY", "STATE", "LIVE", "METRIC", "SKILL", "COPIED"), [_adopted_row(result) for result in results])
    blame(results, "were not adopted")


def _adopted_row(result: Result) -> tuple[str, ...]:
    champion, baseline = result.view.get("champion"), result.view.get("baseline")
    metric = f"{baseline['metric']} {figure(baseline['value'])}" if baseline else "-"
    copied = "-" if baseline is None else "yes" if result.view["copied"] else "no"
    skill = figure(baseline["skill"]) if baseline else "-"
    return result.key, result.state, version_of(champion) if champion else "-", metric, skill, copied


def _adopted(model: str, found: Json, given: list[str]) -> None:
    champion, baseline = found["champion"], found["baseline"]
    artifact = champion.get("artifact")
    kept = (
        f"{artifact['blob']} ({size(artifact.get('size', 0))}), so it can be put back at any time" if artifact else "no"
    )
    what = "the live model" if baseline else "that nothing is live yet"
    say(f"{model}: {what} is on record as version {champion['version']}.", "bold")
    measured = {}
    if baseline:
        measured = {
            "serving": f"{found['serving']['resource']} from {found['serving']['location']}",
            baseline["metric"]: f"{figure(baseline['value'])} on {baseline['rows']:,} labelled rows",
            "skill": f"{figure(baseline['skill'])} (1 never errs, 0 is as good as a constant)",
            "copied": kept,
        }
    facts(
        {
            **measured,
            "trained on": ", ".join(given),
            "note": found.get("note", ""),
            "released": ", ".join(found.get("released", [])),
        }
    )
