"""Programs that a test needs besides Python and Node.js: in CI a missing one fails, elsewhere the test is skipped."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*programs: str) -> None:
    """Skips the test, or fails it in CI, unless all of these programs are on PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    lacking = f"this machine lacks {', '.join(missing)}; install it to run this test"
    if os.environ.get("CI"):
        pytest.fail(lacking)
    pytest.skip(lacking)
