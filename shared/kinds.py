"""Kinds of service by name. A kind's module is loaded when it is first asked for: an app uses few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any


class Kinds(Mapping[str, tuple[type[Any], Any]]):
    """By `kind`: the settings that its table is checked against, and what makes the client of settings, blobs and
    environment. `places` says where the client `Name` is (`module:Name`); its settings are `NameSettings` beside it."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, kind: str) -> tuple[type[Any], Any]:
        module, _, name = self._places[kind].partition(":")
        found = import_module(module)
        return getattr(found, f"{name}Settings"), getattr(found, name).of

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, kind: object) -> bool:
        return kind in self._places

    def client(self, settings: Any) -> Any:
        """What makes the client for these settings."""
        module = type(settings).__module__
        return next(self[kind][1] for kind, place in self._places.items() if place.partition(":")[0] == module)

    @property
    def settings(self) -> Mapping[str, type[Any]]:
        """The settings alone."""
        return _Settings(self)


class _Settings(Mapping[str, type[Any]]):
    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds

    def __getitem__(self, kind: str) -> type[Any]:
        return self._kinds[kind][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __contains__(self, kind: object) -> bool:
        return kind in self._kinds
