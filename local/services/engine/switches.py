"""Switches: what published contracts leave open, by name with a default. Each service has a table of its own."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class BadSwitch(ValueError):
    """A switch that does not exist, or a value it cannot take; the message lists what it can."""


class Switch(msgspec.Struct, frozen=True):
    """One switch: its default, how a value is read, and what it steers."""

    default: Any
    read: Callable[[Any], Any]
    meaning: str


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """Reads one of these values, given as itself or as its text."""
    spelled = {str(value).lower(): value for value in allowed}

    def read(value: Any) -> Any:
        if str(value).lower() not in spelled:
            raise ValueError(f"one of {', '.join(spelled)}")
        return spelled[str(value).lower()]

    return read


def number(low: float, high: float) -> Callable[[Any], float]:
    """Reads a number within these bounds."""

    def read(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return number

    return read


class Switches:
    """The switches in force; `switches["patchStatus"]` reads one."""

    def __init__(self, table: Mapping[str, Switch], given: Mapping[str, Any] | None = None):
        self._table = table
        self._values: dict[str, Any] = {name: switch.default for name, switch in table.items()}
        self.change(given or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def change(self, given: Mapping[str, Any]) -> None:
        """Sets the given switches, all or none of them.

        Raises: BadSwitch naming the first mistake.
        """
        self._values.update({name: self._read(name, value) for name, value in given.items()})

    def all(self) -> dict[str, Any]:
        """Every switch and its value."""
        return dict(self._values)

    def meanings(self) -> dict[str, str]:
        """What each switch steers."""
        return {name: switch.meaning for name, switch in self._table.items()}

    def _read(self, name: str, value: Any) -> Any:
        if name not in self._table:
            raise BadSwitch(f"There is no switch {name!r}; the switches are {', '.join(sorted(self._table))}.")
        try:
            return self._table[name].read(value)
        except ValueError as wanted:
            raise BadSwitch(f"Switch {name} cannot be {value!r}; give {wanted}.") from wanted
