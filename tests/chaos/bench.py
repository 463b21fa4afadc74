"""What the trials of a process share: the services, the proxies' loop, a folder, and storage accounts not yet used."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.stack import Stack, furnish
from tests.chaos.proxy import Fronts, Proxy

ACCOUNTS = 400


@dataclass
class Bench:
    """See the module."""

    stack: Stack
    fronts: Fronts
    folder: Path
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def account(self) -> tuple[Path, str]:
        """A folder and the connection string of an account, both new."""
        number = next(self.numbers)
        storage = self.stack.azurite.connection_string_for(f"chaos{number}")
        furnish(storage)
        folder = self.folder / f"trial{number}"
        folder.mkdir()
        return folder, storage

    def proxy(self) -> Proxy:
        """A proxy in front of storage and Studio."""
        storage = {service: f"http://127.0.0.1:{port}" for service, port in self.stack.azurite.ports.items()}
        return self.fronts.open({**storage, "studio": self.stack.studio.url})


@contextmanager
def opened(folder: Path) -> Iterator[Bench]:
    """A bench, while the context lasts."""
    key = base64.b64encode(b"a key for chaos").decode()
    accounts = ";".join(f"chaos{number}:{key}" for number in range(ACCOUNTS))
    stack = Stack(folder / "stack", switches={"propagationDelay": 0}, accounts=accounts, workers=1)
    with Fronts() as fronts, stack:
        yield Bench(stack, fronts, folder)
