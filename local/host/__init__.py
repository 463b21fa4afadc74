"""A faithful local Azure Functions host over Azurite, driving Microsoft's own worker library. See README.md.

Importing this package imports everything that is slow to import, and starts nothing: a parent that has imported it
can fork and call `run` in the child.
"""

from local.host.options import Chaos, Options
from local.host.service import run

__all__ = ["Chaos", "Options", "run"]
