"""Commands of jobs: which program of ours one starts, and what its options say. Nothing runs here.

`python train.py --data ${{inputs.train}} --model ${{outputs.model}} --label y $[[--seed ${{inputs.seed}}]]`:
options name data, models and outputs by an expression, everything else is a text. What stands in `$[[…]]` is left out
when an input in it is not given.
"""

import re
import shlex
from collections.abc import Mapping
from typing import NamedTuple

from local.services.azureml.control.bindings import BINDING, LITERAL, Given, Wanted

_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


class BadCommand(ValueError):
    """A command that cannot be started; the message says why."""


class Command(NamedTuple):
    """A program, and its options by name without dashes: texts, names of inputs, names of outputs."""

    program: str
    texts: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]


def check(command: str, inputs: Mapping[str, Given], outputs: Mapping[str, Wanted]) -> None:
    """Raises: BadCommand for an expression that names no input or output of the job."""
    for name in BINDING.findall(_chosen(command, inputs)):
        kind, _, key = name.partition(".")
        known = {"inputs": inputs, "outputs": outputs}.get(kind, {})
        if key not in known:
            raise BadCommand(f"The command names {name}, which the job has not; it has {', '.join(known) or 'none'}.")


def read(command: str, inputs: Mapping[str, Given], outputs: Mapping[str, Wanted]) -> Command:
    """The command in its parts. Raises: BadCommand."""
    check(command, inputs, outputs)
    plain = BINDING.sub(lambda found: f"${{{{{found[1]}}}}}", _chosen(command, inputs))  # no spaces inside
    try:
        words = shlex.split(plain)
    except ValueError as unreadable:
        raise BadCommand(f"The command cannot be split into words: {unreadable}.") from unreadable
    scripts = [number for number, word in enumerate(words) if word.endswith(".py")]
    if not scripts:
        raise BadCommand("The command starts no program: write python {name}.py --option value ….")
    parsed = Command(words[scripts[0]].rpartition("/")[2], {}, {}, {})
    for name, value in _options(words[scripts[0] + 1 :]):
        _place(parsed, name, value, inputs)
    return parsed


def _chosen(command: str, inputs: Mapping[str, Given]) -> str:
    def optional(found: re.Match[str]) -> str:
        names = (name.partition(".") for name in BINDING.findall(found[1]))
        return found[1] if all(kind != "inputs" or key in inputs for kind, _, key in names) else ""

    return _OPTIONAL.sub(optional, command)


def _options(words: list[str]) -> list[tuple[str, str]]:
    options: list[tuple[str, str]] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            options.append((name.replace("_", "-"), value if equals else ""))
        elif options and not options[-1][1]:
            options[-1] = (options[-1][0], word)
        else:
            raise BadCommand(f"{word!r} belongs to no --option of the program.")
    return options


def _place(parsed: Command, option: str, value: str, inputs: Mapping[str, Given]) -> None:
    whole = BINDING.fullmatch(value)
    kind, _, name = whole[1].partition(".") if whole else ("", "", "")
    if kind == "outputs":
        parsed.outputs[option] = name
    elif kind == "inputs" and inputs[name].type != LITERAL:
        parsed.inputs[option] = name
    else:
        parsed.texts[option] = BINDING.sub(lambda found: inputs[found[1].partition(".")[2]].value, value)
