"""Kinds of service by name. A kind's module is loaded when it is first asked for: an app uses few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

SUFFIX = "Settings"


class Kinds(Mapping[str, type[Any]]):
    """By `kind`: the settings that its table is checked against.

    `places` says where the client `Name` is (`module:Name`); its settings are `NameSettings` beside it.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, kind: str) -> type[Any]:
        module, _, name = self._places[kind].partition(":")
        settings: type[Any] = getattr(import_module(module), name + SUFFIX)
        return settings

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, kind: object) -> bool:
        return kind in self._places  # the mapping's own would load the module


def client_of(settings: type[Any]) -> type[Any]:
    """The client that is configured by these settings, the one beside them; its `of` makes it."""
    client: type[Any] = getattr(import_module(settings.__module__), settings.__name__.removesuffix(SUFFIX))
    return client
