"""Pages that are drawn from the code: docs/states.md, docs/messages.md, and the picture in README.md.

`python -m local.docs` writes them; tests/docs says when one is stale. Every other page is written by hand.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from retrain.advance import QUEUES
from retrain.messages import (
    AdoptionRequest,
    CandidateRequest,
    PersonRequest,
    PromotionRequest,
    ReleaseRequest,
    RunRequest,
    Settle,
    Step,
    UploadRequest,
)
from retrain.run import ASLEEP, ENDED, MOVES, State

ROOT = Path(__file__).parents[1]
REMAKE = "python -m local.docs"
STOPS = frozenset({State.FAILED, State.CANCELLED, State.PARKED})
"""Reached from every state that is not an end; drawn nowhere, told in a sentence."""
PICTURE = ("<!-- states -->\n", "<!-- /states -->\n")
"""What the picture in README.md stands between."""

MESSAGES: Mapping[str, tuple[Any, str]] = {
    "Asking for a run": (
        RunRequest,
        "On the queue `retrain-requests`, as plain JSON or JSON in base64, where `model` is required; and as the body "
        "of `POST /api/models/{model}/runs`, where the route names the model.",
    ),
    "A model trained elsewhere": (CandidateRequest, "The body of `POST /api/models/{model}/promotions`."),
    "Asking for an upload link": (UploadRequest, "The body of `POST /api/models/{model}/uploads`."),
    "Adopting the live model": (AdoptionRequest, "The body of `POST /api/models/{model}/adopt`."),
    "Promoting": (PromotionRequest, "The body of `POST /api/runs/{run}/promote`."),
    "Releasing from quarantine": (ReleaseRequest, "The body of `POST /api/runs/{run}/release`."),
    "Other acts of a person": (
        PersonRequest,
        "The body of `POST /api/runs/{run}/approve`, `/reject`, `/cancel`, `/replay`, and of "
        "`POST /api/models/{model}/rollback` and `/keep`.",
    ),
    "Internal messages": (
        Step | Settle,
        "On the queues `training` and `evaluations`. Only Retrain sends them; they never expire.",
    ),
}


def states_page() -> str:
    """docs/states.md: the table of moves as a picture, and what each state means."""
    return f"""<!-- Drawn from retrain/run.py by `{REMAKE}`: change it there. -->
# The states of a run

A run is one attempt to retrain one model.
The table `MOVES` in `retrain/run.py` holds every move that is allowed, and this page is drawn from it.

{_picture(hidden=STOPS, ends=True)}
Left out of the picture: from every state that is not an end a run can become `failed` or `cancelled`, or be `parked`.
A parked run goes back to where it stopped once a person releases it with `retrain replay`.

{_state_table()}
Each move is kept with its time, its reason and who or what caused it; `retrain show RUN` lists them.
{_reserved_sentence()}
How a state is left is in `retrain/steps/`, how messages drive a run in `retrain/advance.py`.
What starts runs and messages is in [triggers.md](triggers.md).
"""


def messages_page() -> str:
    """docs/messages.md: the JSON schema of every message that is accepted."""
    sections = "".join(f"\n## {title}\n\n{where}\n\n{_schema(kind)}" for title, (kind, where) in MESSAGES.items())
    return f"""<!-- Drawn from retrain/messages.py by `{REMAKE}`: change it there. -->
# Messages

The JSON schema of everything that Retrain takes, over HTTP or from a queue.
Members are camelCase; unknown ones are ignored.
Missing required ones and wrong types are refused with the member's name.
What is done with them is in [triggers.md](triggers.md).
{sections}"""


def readme_page(readme: str) -> str:
    """README.md with its picture drawn anew."""
    first, last = PICTURE
    before, _, rest = readme.partition(first)
    _, _, after = rest.partition(last)
    return f"{before}{first}{_picture(hidden=STOPS | {State.SUPERSEDED} | reserved(), ends=False)}{last}{after}"


PAGES: Mapping[str, Callable[[str], str]] = {
    "docs/states.md": lambda _: states_page(),
    "docs/messages.md": lambda _: messages_page(),
    "README.md": readme_page,
}
"""By path below the project: the page as it should be, given the page as it is."""


def meanings() -> dict[State, str]:
    """What the comment beside each state says."""
    lines = re.findall(r"^\s+(\w+) = \"\w+\"  # (.+)$", inspect.getsource(State), re.MULTILINE)
    return {State[name]: meaning for name, meaning in lines}


def reserved() -> frozenset[State]:
    """States that no code leads into yet: the table knows them, so that later versions need no new one."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "retrain").rglob("*.py")]
    return frozenset(
        state for state in State if not any(re.search(rf"\bState\.{state.name}\b", text) for text in texts)
    )


def _picture(*, hidden: frozenset[State], ends: bool) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.RECEIVED}"]
    lines += [f"    {source} --> {to}" for source, to in _moves(hidden)]
    lines += [f"    {state} --> [*]" for state in State if ends and state in ENDED - hidden]
    return "\n".join([*lines, "```", ""])


def _moves(hidden: frozenset[State]) -> Iterator[tuple[State, State]]:
    for source in State:
        for to in State:
            if to in MOVES[source] and not {source, to} & hidden:
                yield source, to


def _state_table() -> str:
    told = meanings()
    rows = [f"| `{state}` | {told[state]} | {_driven(state)} | {_onward(state)} |" for state in State]
    return "\n".join(["| state | meaning | driven by | then |", "|---|---|---|---|", *rows, ""])


def _driven(state: State) -> str:
    if state in ENDED:
        return "nothing: an end"
    return f"queue `{QUEUES[state]}`" if state in QUEUES else "a person" if state in ASLEEP else "nothing yet"


def _onward(state: State) -> str:
    return ", ".join(f"`{to}`" for to in State if to in MOVES[state]) or "–"


def _reserved_sentence() -> str:
    names = [f"`{state}`" for state in State if state in reserved()]
    are = "is" if len(names) == 1 else "are"
    return f"{' and '.join(names)} {are} reserved: nothing leads there yet." if names else ""


def _schema(kind: Any) -> str:
    schema = _dedented(msgspec.json.schema(kind))
    return f"```json\n{msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()}\n```\n"


def _dedented(value: Any) -> Any:
    """Without the indentation of docstrings, which Python 3.13 takes away and earlier versions keep."""
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(part) if key == "description" and isinstance(part, str) else _dedented(part)
            for key, part in value.items()
        }
    return [_dedented(part) for part in value] if isinstance(value, list) else value


def main() -> None:
    """Writes every page that is drawn from the code."""
    for name, drawn in PAGES.items():
        path = ROOT / name
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(drawn(known), encoding="utf-8")


if __name__ == "__main__":
    main()
