"""docs/howto/add-a-service.md adds a service that works: its files, put into a copy, pass what every kind must."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.howto.page import ROOT

PAGE = ROOT / "docs" / "howto" / "add-a-service.md"
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".local", "node_modules", "__pycache__", ".*_cache")
FOLDERS = ("retrain", "shared", "local", "tests", "cli", "data", "docs")
_FILE = re.compile(r"^`([\w/.]+)`:\n\n```python\n(.*?)```$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"In `([\w/.]+)`, (below|instead of) `([^`]+)`:\n\n```python\n(.*?)```$", re.MULTILINE | re.DOTALL)


def copied(target: Path) -> Path:
    """The project, without what was installed into it but Azurite."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=LEFT_OUT)
    (target / "local" / "azurite" / "node_modules").symlink_to(ROOT / "local" / "azurite" / "node_modules")
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def carried_out(page: str, project: Path) -> list[str]:
    """Puts the page's files and lines into the project; the paths it named."""
    for path, text in _FILE.findall(page):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    for path, how, anchor, text in _LINE.findall(page):
        lines = (project / path).read_text(encoding="utf-8").splitlines(keepends=True)
        (place,) = [number for number, line in enumerate(lines) if line.lstrip().startswith(anchor)]
        lines[place : place + 1] = [text] if how == "instead of" else [lines[place], text]
        (project / path).write_text("".join(lines), encoding="utf-8")
    return [path for path, *_ in (*_FILE.findall(page), *_LINE.findall(page))]


@pytest.mark.timeout(300)
def test_the_service_of_the_page_passes_what_every_kind_must(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    named = carried_out(PAGE.read_text(encoding="utf-8"), project)
    assert {"shared/services/plain_http.py", "shared/wiring.py", "local/services/app.py"} <= set(named)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/contract", "-q", "-n", "0", "-k", "plain or alike_by_every"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 20  # type: ignore[index]


def test_every_block_of_the_page_is_put_somewhere() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.count("```python\n") == len(_FILE.findall(page)) + len(_LINE.findall(page))
