"""`python -m local.demo`: starts everything, has the story told, stops everything."""

from __future__ import annotations

import sys

from local.interrupts import Interrupted, Interrupts


def main() -> int:
    """Runs the demo; returns its exit code."""
    try:
        with Interrupts() as interrupts:
            from local.demo.play import play  # a second of imports, which Ctrl-C may interrupt too

            return play(interrupts)
    except Interrupted as interrupted:
        sys.stderr.write(f"\nStopped ({interrupted}); nothing is left running.\n")
        return interrupted.code


if __name__ == "__main__":
    sys.exit(main())
