"""`python docs/howto/stack.py [COMMAND...]`: a shell in which the how-to pages can be followed, or a command run in it.

Storage (Azurite) and the services run on free ports of this machine as long as the shell does, and nothing is kept.
The variables that pages start from are set: PROJECT, STUDIO, ARM, STORAGE, STORAGE_LOG, and those that give the app an
identity and a vault: IDENTITY_ENDPOINT, IDENTITY_HEADER, KEY_VAULT_URL. Retrain itself is started by a page,
with its standard input at the file descriptor LIFELINE: that reaches its end when the shell has ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.stack import ROOT, Stack

DELAY = 0.3
"""Seconds until Studio serves a PATCHed model, and until Resource Manager has changed a service. The real ones took
about 30, and 10 to 15."""
OURS = ("RETRAIN_", "STUDIO", "AZURE_", "IDENTITY_", "MSI_")
"""Settings that are there already would change what pages show, and who they sign in as."""


def surroundings(stack: Stack) -> dict[str, str]:
    """The environment of the shell."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {
        **theirs,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), theirs.get("PATH", ""))),
        "PROJECT": str(ROOT),
        "STUDIO": stack.studio.url,
        "ARM": stack.studio.url,
        "STORAGE": stack.storage,
        "STORAGE_LOG": str(stack.access_log),
        "no_proxy": "127.0.0.1",
        **stack.identity,
    }


def main(command: list[str]) -> int:
    """Runs the command, or a shell, in an empty folder; its exit code."""
    with tempfile.TemporaryDirectory(prefix="howto-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        switches = dict.fromkeys(("propagationDelay", "operationDelay"), DELAY)
        with Stack(Path(folder) / "stack", switches=switches, workers=1) as stack:
            return run(command or ["bash"], surroundings(stack), work)


def run(command: list[str], env: dict[str, str], folder: Path) -> int:
    """Runs the command to its end; what it started with LIFELINE as standard input then sees an end of file."""
    end, lifeline = os.pipe()
    try:
        given = {**env, "LIFELINE": str(end)}
        return subprocess.run(command, env=given, cwd=folder, pass_fds=(end,), check=False).returncode  # noqa: S603
    finally:
        os.close(lifeline)
        os.close(end)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
