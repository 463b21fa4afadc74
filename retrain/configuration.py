"""A model's configuration, read from TOML with every mistake named at once, each with its line.

What a model is stands in `retrain.model`. The settings of a kind of service live beside its client in
`shared/services`; `read` is told about them.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from retrain import keys as keyed
from retrain.data.quality.settings import IntakeRules
from retrain.errors import BadConfiguration
from retrain.gate.rules import GateRules
from retrain.model import HoldoutRules, Model, PromotionRules, Section
from retrain.ncrontab import Ncrontab

RULES: Mapping[str, type[Any]] = {"gate": GateRules, "intake": IntakeRules, "holdout": HoldoutRules}
"""The tables of a model that say how data and candidates are judged."""


class Basics(Section, frozen=True):
    """The keys of `[models.NAME]` itself; their meaning is in docs/configuration.md."""

    label: str
    keys: str | tuple[str, ...] | None = None
    time: str | None = None
    positive: str | None = None
    train_on: Literal["all", "batch"] | int = "all"
    intake: Literal["reference"] | None = None
    start_on: Literal["data", "schedule"] = "data"
    schedule: str | None = None
    since: datetime | None = None
    keep: bool = False
    job_hours: float = 24.0

    def problems(self) -> list[str]:
        """What each value breaks by itself."""
        found = []
        if isinstance(self.train_on, int) and self.train_on < 1:
            found.append(f'train_on = {self.train_on} must be "all", "batch" or a number of batches from 1')
        if self.since is not None and self.since.tzinfo is None:
            found.append("since needs a time zone, such as 2026-01-31T00:00:00Z")
        if self.intake == "reference" and self.start_on != "data":
            found.append('intake = "reference" takes one file at a time; it needs start_on = "data"')
        if self.start_on == "schedule" and self.schedule is None:
            found.append('start_on = "schedule" needs a schedule')
        if self.schedule is not None:
            found += _schedule_problems(self.schedule)
        return [*found, *_keys_problems(self.keys)]

    @property
    def all_keys(self) -> tuple[str, ...]:
        """The keys one by one; none of a model that is one target."""
        return () if self.keys is None else keyed.expand(self.keys)


def _schedule_problems(schedule: str) -> list[str]:
    try:
        Ncrontab.parse(schedule)
    except ValueError as error:
        return [f"schedule: {error}"]
    return []


def _keys_problems(written: str | tuple[str, ...] | None) -> list[str]:
    try:
        _ = () if written is None else keyed.expand(written)
    except ValueError as error:
        return [f"keys: {error}"]
    return []


Kinds = Mapping[str, type[msgspec.Struct]]
"""Settings by kind of service, for example `{"studio-batch": StudioBatchSettings}`."""


def read(text: str, *, trainers: Kinds, endpoints: Kinds) -> dict[str, Model]:
    """All models of a TOML text by name.

    Raises:
        BadConfiguration: `problems` names every mistake, each with its line.
    """
    reader = _Reader(text, trainers, endpoints)
    models = reader.models()
    if reader.problems:
        listed = "\n".join(f"  {problem}" for problem in reader.problems)
        raise BadConfiguration(f"the configuration has mistakes; correct them all:\n{listed}", tuple(reader.problems))
    return models


def overlaid(text: str, model: Model, *, trainers: Kinds, endpoints: Kinds) -> Model:
    """The model with other rules: those of a text with tables `[gate]`, `[intake]`, `[holdout]`, or of a configuration.

    What a table does not say stays as it is; a whole configuration replaces all of the model's rules by those of its
    entry of this name, or of its only one.
    Raises:
        BadConfiguration: `problems` names every mistake, each with its line.
    """
    reader = _Reader(text, trainers, endpoints)
    rules = reader.rules(model)
    if reader.problems:
        listed = "\n".join(f"  {problem}" for problem in reader.problems)
        raise BadConfiguration(f"the rules have mistakes; correct them all:\n{listed}", tuple(reader.problems))
    return msgspec.structs.replace(model, **rules)


class _Reader:
    """Walks the tables of one text and collects what is wrong instead of stopping at the first mistake."""

    def __init__(self, text: str, trainers: Kinds, endpoints: Kinds) -> None:
        self.lines = text.splitlines()
        self.text = text
        self.kinds = {"trainer": trainers, "endpoint": endpoints}
        self.problems: list[str] = []

    def _tables(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            self.problems.append(f"not TOML: {error}")
            return {}

    def rules(self, model: Model) -> dict[str, Any]:
        """The sections of `RULES` that differ from the model's, by name."""
        tables = self._tables()
        if "models" in tables:
            return self._rules_of_entry(model.name)
        if not tables and not self.problems:
            self.problems.append(
                f"no rules: write at least one of the tables {', '.join(f'[{name}]' for name in RULES)}"
            )
        for name in tables.keys() - RULES.keys():
            self._complain((), name, f"unknown table {name!r}{_close(name, [*RULES])}")
        return {name: self._overlay(name, tables[name], getattr(model, name)) for name in RULES if name in tables}

    def _rules_of_entry(self, name: str) -> dict[str, Any]:
        found = self.models()
        entry = found.get(name, next(iter(found.values())) if len(found) == 1 else None)
        if entry is None:
            if not self.problems:
                self.problems.append(f"there is no [models.{name}]; there are {', '.join(found)}")
            return {}
        return {section: getattr(entry, section) for section in RULES}

    def _overlay(self, name: str, table: Any, own: msgspec.Struct) -> Any:
        whole = {**msgspec.structs.asdict(own), **table} if isinstance(table, dict) else table
        return self._section((name,), RULES[name], whole)

    def models(self) -> dict[str, Model]:
        tables = self._tables()
        if self.problems:
            return {}
        for name in tables.keys() - {"models"}:
            self._complain((), name, f"unknown table {name!r}; models are written as [models.NAME]")
        entries = tables.get("models")
        if not isinstance(entries, dict) or not entries:
            self.problems.append("no model: write at least one [models.NAME] table")
            return {}
        found = {name: self._model(name, table) for name, table in entries.items()}
        return {name: model for name, model in found.items() if model is not None}

    def _model(self, name: str, table: Any) -> Model | None:
        path = ("models", name)
        if not keyed.NAME.fullmatch(name):
            self._complain(path[:1], name, f"model name {name!r}: use lowercase letters, digits and dashes, at most 63")
        if not isinstance(table, dict):
            self._complain(path[:1], name, f"{name} must be a table: [models.{name}]")
            return None
        sections = ("trainer", "endpoint", "gate", "holdout", "promotion", "intake")
        rules = table.get("intake", {})  # a table of rules, or the text that says that nothing is read
        rules, told = (rules, sections) if isinstance(rules, dict) else ({}, sections[:-1])
        basics = self._section(path, Basics, {k: v for k, v in table.items() if k not in told}, sections)
        keys = basics.all_keys if basics else None if "keys" in table else ()
        parts: dict[str, Any] = {
            "trainer": self._service(path, "trainer", table, keys),
            "endpoint": self._service(path, "endpoint", table, keys),
            "gate": self._required(path, "gate", GateRules, table),
            "holdout": self._section((*path, "holdout"), HoldoutRules, table.get("holdout", {})),
            "intake": self._section((*path, "intake"), IntakeRules, rules),
            "promotion": self._promotion((*path, "promotion"), table.get("promotion", {}), keys),
        }
        reference = self._reference(path, basics, parts["trainer"])
        if basics is None or None in parts.values():
            return None
        given = {**msgspec.structs.asdict(basics), "keys": keys, "reference": reference}
        del given["intake"]
        return Model(name=name, sha=fingerprint(keyed.without_keys(table)), **given, **parts)

    def _required(self, path: tuple[str, ...], key: str, kind: type[Any], table: dict[str, Any]) -> Any:
        if key not in table:
            self._complain(path, None, f"{path[-1]} needs a table [{'.'.join((*path, key))}]")
            return None
        return self._section((*path, key), kind, table[key])

    def _reference(self, path: tuple[str, ...], basics: Basics | None, trainer: Any) -> bool:
        """Whether data pass by reference; says what that lacks."""
        if basics is None or basics.intake is None:
            return False
        if trainer is not None and not getattr(trainer, "holdout", ""):
            says = "the trainer's `holdout` must name the output with the rows that the job held back"
            self._complain(path, "intake", f'intake = "reference": {says}')
        return True

    def _service(self, path: tuple[str, ...], role: str, table: dict[str, Any], keys: tuple[str, ...] | None) -> Any:
        settings = table.get(role)
        here = (*path, role)
        if not isinstance(settings, dict):
            self._complain(path, None, f"{path[-1]} needs a table [{'.'.join(here)}]")
            return None
        known = self.kinds[role]
        kind = str(settings.get("kind"))
        if kind not in known:
            self._complain(here, "kind", f"kind = {kind!r} is not a {role}; there are {', '.join(sorted(known))}")
            return None
        given = {k: v for k, v in settings.items() if k != "kind"}
        made = self._section(here, known[kind], given, checked=keys == ())
        return self._keyed(here, role, made, keys) if made is not None and keys is not None else made

    def _promotion(self, path: tuple[str, ...], table: Any, keys: tuple[str, ...] | None) -> Any:
        made = self._section(path, PromotionRules, table)
        return made if made is None or keys is None or self._in_place(path, keyed.places(made), keys) else None

    def _in_place(self, path: tuple[str, ...], places: set[str], keys: tuple[str, ...]) -> bool:
        """Whether `{key}` stands only where there are keys; says where it does not."""
        for name in sorted(places) if not keys else ():
            self._complain(path, name, f"{name} has {keyed.PLACE}, but the model has no keys")
        return bool(keys) or not places

    def _keyed(self, path: tuple[str, ...], role: str, made: Any, keys: tuple[str, ...]) -> Any:
        """The settings, or None after saying what is wrong with them for some key, or with the places of `{key}`."""
        before, places = len(self.problems), keyed.places(made)
        self._in_place(path, places, keys)
        needed = getattr(made, "per_key", ()) if keys else ()
        for name in sorted(set(needed) - places):
            self._complain(path, name, f"{name} is the same for every key; put {keyed.PLACE} where they differ")
        if keys and role == "endpoint" and not places and not needed:
            self._complain(path, None, f"[{'.'.join(path)}] is the same for every key; put {keyed.PLACE} into it")
        fields = {field.encode_name: field for field in msgspec.structs.fields(made)}
        for problem in keyed.problems_of_each(made, keys):
            self._complain(path, _key_in(problem, fields), problem)
        return made if len(self.problems) == before else None

    def _section(
        self, path: tuple[str, ...], kind: type[Any], table: Any, others: tuple[str, ...] = (), *, checked: bool = True
    ) -> Any:
        """The Struct of a table, or None after saying all that is wrong with it; `checked` asks it for its problems."""
        if not isinstance(table, dict):
            self._complain(path[:-1], path[-1], f"[{'.'.join(path)}] must be a table")
            return None
        before = len(self.problems)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in table.keys() - fields.keys():
            self._complain(path, key, f"unknown key {key!r}{_close(key, [*fields, *others])}")
        values = dict(self._values(path, fields, table))
        for name, field in fields.items():
            if field.required and name not in table:
                self._complain(path, None, f"[{'.'.join(path)}] needs {name!r}")
        if len(self.problems) > before:
            return None
        made = kind(**values)
        for problem in made.problems() if checked and hasattr(made, "problems") else ():
            self._complain(path, _key_in(problem, fields), problem)
        return made if len(self.problems) == before else None

    def _values(
        self, path: tuple[str, ...], fields: Mapping[str, Any], table: dict[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        for key in table.keys() & fields.keys():
            try:
                yield fields[key].name, msgspec.convert(table[key], fields[key].type)
            except msgspec.ValidationError as error:
                self._complain(path, key, f"{key} = {table[key]!r}: {error}")

    def _complain(self, path: tuple[str, ...], key: str | None, problem: str) -> None:
        self.problems.append(f"line {self._line(path, key)}: {problem}")

    def _line(self, path: tuple[str, ...], key: str | None) -> int:
        """The line of a key, of its table's header, or of the nearest table above it; 1 when there is none."""
        wanted, best, here = list(path), 1, []
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"\s*\[\[?([^\[\]]+)\]", line)
            if header:
                here = [part.strip().strip("\"'") for part in header[1].split(".")]
                if here == wanted[: len(here)] or here == [*wanted, key]:
                    best = number
            elif key and here == wanted and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        return best


def _close(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known))}"


def _key_in(problem: str, fields: Mapping[str, Any]) -> str | None:
    """The field a problem speaks of first, so that its line can be shown."""
    return next((word for word in re.findall(r"\w+", problem) if word in fields), None)


def fingerprint(table: Mapping[str, Any]) -> str:
    """Names a configuration by its content: the same settings in another order give the same name."""
    return sha256(msgspec.json.encode(table, order="sorted", enc_hook=str)).hexdigest()[:16]
