"""The identity of this process: tests that call services behind tokens get theirs from the services they started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from local.services.tokens.client import identity

THEIRS = ("AZURE_", "IDENTITY_", "MSI_")
"""What azure-identity looks at."""


@contextmanager
def identified(url: str = "", **settings: str) -> Iterator[None]:
    """Until the end, this process is the managed identity that the services at `url` play; without a url it has no
    identity but what `settings` give. Nothing that the machine itself offers is taken."""
    before = {name: value for name, value in os.environ.items() if name.startswith(THEIRS)}
    given = {**(identity(url) if url else {}), **settings}
    _replace(before, given)
    try:
        yield
    finally:
        _replace(given, before)


def _replace(old: dict[str, str], new: dict[str, str]) -> None:
    for name in old:
        os.environ.pop(name, None)
    os.environ.update(new)
