"""How records look on the wire: camelCase JSON for machines and the command line. Never a SAS, never a key."""

from __future__ import annotations

from typing import Any

import msgspec

from retrain.acts import Promoted
from retrain.adoption import Adopted
from retrain.champion import Accepted, Champion, Change, Intent
from retrain.model import Model
from retrain.run import Evaluation, Lease, Move, Record, Run

OURS: dict[type[Record], tuple[str, ...]] = {
    Run: ("etag", "request"),
    Champion: ("etag",),
    Lease: ("token",),
    Intent: ("operation",),
    Evaluation: ("operation",),
}
"""Members that are the ledger's alone; the address of an operation may carry a signature."""


def camel(record: Any) -> Any:
    """A record as plain JSON values with camelCase names; what the ledger keeps to itself is left out."""
    if isinstance(record, Record):
        ours = OURS.get(type(record), ())
        names = [name for name in record.__struct_fields__ if name not in ours]
        return {_camel(name): camel(getattr(record, name)) for name in names if getattr(record, name) not in (None, "")}
    if isinstance(record, (list, tuple)):
        return [camel(item) for item in record]
    if isinstance(record, dict):
        return {key: camel(value) for key, value in record.items()}
    return msgspec.to_builtins(record)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def run_view(run: Run, base: str, moves: list[Move] | None = None, decision: Any = None) -> dict[str, Any]:
    """A run with its links; with its history and the gate's whole decision when they are given."""
    view: dict[str, Any] = camel(run) | {"model": run.target, "links": {"self": f"{base}/api/runs/{run.id}"}}
    if moves is not None:
        view["moves"] = camel(moves)
    if decision is not None:
        view["decision"] = decision
    return view


def model_view(model: Model, champion: Champion | None, changes: list[Change] | None = None) -> dict[str, Any]:
    """A model's configuration in short, and what is live."""
    view: dict[str, Any] = {
        "name": model.target,
        "label": model.label,
        "metric": model.gate.metric,
        "kind": model.kind,
        "promotion": model.promotion.mode,
        "schedule": model.schedule,
        "since": model.since,
        "configuration": model.sha,
        "champion": champion_view(champion),
    }
    if changes is not None:
        view["changes"] = camel(changes)
    return view


def accepted_view(accepted: Accepted) -> dict[str, Any]:
    """What later runs may train on and be judged by, as far as people ask: the batch in doubt, and how often the
    trusted holdout was used."""
    return {"doubted": camel(accepted.doubted) if accepted.doubted else None, "trustedUses": accepted.uses}


def champion_view(champion: Champion | None) -> dict[str, Any] | None:
    """What is live, and what is being done about it."""
    return None if champion is None else camel(champion)


def promoted_view(promoted: Promoted, base: str, *, dry: bool) -> dict[str, Any]:
    """Before and after of a promotion."""
    return {
        "run": promoted.run.id,
        "state": promoted.run.state,
        "dryRun": dry,
        "before": camel(promoted.before),
        "after": promoted.after,
        "links": {"run": f"{base}/api/runs/{promoted.run.id}"},
    }


def adopted_view(adopted: Adopted) -> dict[str, Any]:
    """What adoption recorded."""
    return {
        "champion": champion_view(adopted.champion),
        "serving": camel(adopted.serving),
        "baseline": msgspec.to_builtins(adopted.baseline),
        "copied": adopted.copied,
        "note": adopted.note,
        "released": list(adopted.released),
    }
