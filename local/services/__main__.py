"""The command line: `python -m local.services --port 7072 --state DIR --storage CONNECTION_STRING`."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

# One thread per process, settled before NumPy is imported: the pool of workers is what uses the cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from local.services.app import check  # noqa: E402
from local.services.engine.blobs import BadConnectionString  # noqa: E402
from local.services.engine.store import StateInUse  # noqa: E402
from local.services.engine.switches import BadSwitch  # noqa: E402
from local.services.server import serve  # noqa: E402


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.services.studio", description=__doc__)
    parser.add_argument("--port", type=int, default=7072, help="0 = any free port (default: %(default)s)")
    parser.add_argument("--state", type=Path, required=True, help="folder to remember everything in")
    parser.add_argument("--storage", required=True, help="connection string of the workspaces' storage account")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="training processes (%(default)s)")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE", help="see README.md; repeatable")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def main() -> int:
    """Runs the stand-in; exit code 2 for unusable arguments and a port that is taken."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("azure").setLevel(logging.WARNING)
    given = _arguments()
    switches = dict(switch.partition("=")[::2] for switch in given.switch)
    try:
        check(switches)
        return asyncio.run(serve(given.port, given.state, given.storage, given.workers, switches, given.lifeline))
    except (BadSwitch, StateInUse) as wrong:
        sys.stderr.write(f"{wrong}\n")
    except BadConnectionString:
        sys.stderr.write("--storage is not a storage connection string (AccountName=...;AccountKey=...;...).\n")
    return 2


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # All is stored and closed; a thread may be in the middle of importing scikit-learn, which nobody waits for.
    os._exit(code)
