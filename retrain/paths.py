"""Where things lie in blob storage. Nothing else spells a container's name."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from retrain.run import Run

INBOX = "training-data"
ARCHIVE = "archive"
QUARANTINE = "quarantine"
RUNS = "runs"
CANDIDATES = "candidates"
CHAMPIONS = "champions"
CALLBACKS = "callbacks"  # who wants to be told when a run ends: addresses that are secrets, deleted once called
HISTORY = "history"  # files given at adoption: the labelled holdout, and what the live model was trained on
CONTAINERS = (INBOX, ARCHIVE, QUARANTINE, RUNS, CANDIDATES, CHAMPIONS, HISTORY, CALLBACKS, "config")


def place(target: str) -> str:
    """A target's folder in any container: `model`, or `model/key`."""
    return target.replace(":", "/")


def folders(target: str, containers: Iterable[str]) -> tuple[str, ...]:
    """A target's folders in some containers, each with a slash at its end."""
    return tuple(f"{container}/{place(target)}/" for container in containers)


def within(blob: str, folders: tuple[str, ...]) -> bool:
    """Whether a path that a caller wrote lies in one of these folders, without a way out of it."""
    return blob.startswith(folders) and ".." not in blob.split("/")


def folder(run: Run, container: str = RUNS) -> str:
    """`container/target/hash` of a run: a run's id is `target~hash`."""
    return f"{container}/{place(run.id).replace('~', '/')}"


def file(run: Run, name: str) -> str:
    """A file of a run."""
    return f"{folder(run)}/{name}"


def candidate(run: Run) -> str:
    """Where the training job of the run's present attempt writes its model."""
    return f"{folder(run, CANDIDATES)}/{run.attempt}/model.ilearner"


def metrics(run: Run) -> str:
    """Where that job writes its own evaluation."""
    return file(run, f"metrics-{run.attempt}.csv")


def champion(target: str, version: int, run: str = "", name: str = "model.ilearner") -> str:
    """A file of a version that was or is in production.

    The run is part of the path: two runs may both prepare to become the same version, and only one of them does.
    """
    owner = f"{version}-{run.rpartition('~')[2]}" if run else str(version)
    return f"{CHAMPIONS}/{place(target)}/{owner}/{name}"


def beside(blob: str, name: str) -> str:
    """Another file in the same folder."""
    return f"{blob.rpartition('/')[0]}/{name}"


def name_of(blob: str) -> str:
    """The last part of a blob's path."""
    return blob.rsplit("/", 1)[-1]


def kept(run: Run, blob: str, container: str = ARCHIVE) -> str:
    """Where the original of a landed file is kept once the run has its copy. Files of one run differ by landing key."""
    key = next((landed.key[:8] for landed in run.landings if landed.blob == blob), "0")
    return f"{folder(run, container)}/{key}/{name_of(blob)}"


def callbacks(run: str) -> str:
    """The folder with the addresses that wait for a run."""
    return f"{CALLBACKS}/{place(run).replace('~', '/')}"


def callback(run: str, address: str) -> str:
    """Where an address to call back is kept: the same one once."""
    return f"{callbacks(run)}/{sha256(address.encode()).hexdigest()[:16]}"


def run_of_callback(blob: str) -> str:
    """The id of the run that a kept address waits for.

    Raises:
        ValueError: the path is not one of `callback`.
    """
    container, *target, digest, _ = blob.split("/")
    if container != CALLBACKS or len(target) not in (1, 2):
        raise ValueError(f"{blob} is not the path of a kept address")
    return f"{':'.join(target)}~{digest}"


def precedes(blob: str, other: str) -> bool:
    """Whether a champion's file is of an earlier version than another's, of the same target."""
    here, there = (_versioned(one) for one in (blob, other))
    return here is not None and there is not None and here[0] == there[0] and here[1] < there[1]


def _versioned(blob: str) -> tuple[str, int] | None:
    folder, _, owner = blob.rpartition("/")[0].rpartition("/")
    version = owner.partition("-")[0]
    ours = folder.startswith(f"{CHAMPIONS}/") and version.isdecimal()
    return (folder, int(version)) if ours else None


def is_another(location: str, blob: str) -> bool:
    """Whether an address of a model is that of one of ours, a candidate or a champion, but not of this one.

    An address that is none of ours says nothing: not every service shows a change in the same words.
    """
    ours = any(f"/{container}/" in location for container in (CANDIDATES, CHAMPIONS))
    return ours and not location.endswith(f"/{blob}")


def run_of_candidate(blob: str) -> str:
    """The id of the run whose candidate lies at this path.

    Raises:
        ValueError: the path is not one of `candidate`.
    """
    container, *target, digest, attempt, _ = blob.split("/")
    if container != CANDIDATES or not attempt.isdecimal() or len(target) not in (1, 2):
        raise ValueError(f"{blob} is not the path of a candidate")
    return f"{':'.join(target)}~{digest}"
