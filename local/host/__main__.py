"""`python -m local.host --app DIR`; see options.py for what can be said."""

from __future__ import annotations

import sys

from local.host.options import parse
from local.host.service import run

if __name__ == "__main__":
    sys.exit(run(parse()))
