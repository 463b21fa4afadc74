"""Programs and packages that a test needs besides the usual: in CI a missing one fails, elsewhere it is skipped."""

from __future__ import annotations

import os
import shutil
from importlib import metadata

import pytest


def need(*programs: str) -> None:
    """Skips the test, or fails it in CI, unless all of these programs are on PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        _lack(missing)


def need_packages(*packages: str) -> None:
    """Skips the test, or fails it in CI, unless all of these packages are installed (`make setup` does it)."""
    missing = [package for package in packages if not _installed(package)]
    if missing:
        _lack(missing)


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _lack(missing: list[str]) -> None:
    lacking = f"this machine lacks {', '.join(missing)}; install it to run this test"
    if os.environ.get("CI"):
        pytest.fail(lacking)
    pytest.skip(lacking)
