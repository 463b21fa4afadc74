"""Reading a large file beside pyarrow's bare parser: `python -m benchmarks.intake STEP FILE [MEGABYTES]`.

Steps: `make` writes FILE as CSV with made-up rows, and beside it the same by gzip and as Parquet; `bare` lets
pyarrow's streaming reader parse FILE and forgets every block; `csv` lets Python's csv module read the first part;
`intake` does what intake does with a file: digest, reading, profile, row hashes, split, both parts written. Each step
is a process of its own and prints what it took; the peak of its memory is the kernel's.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.memory import peak
from retrain.data.profile import SplitSpec

SPEC = SplitSpec(label="cnt", kind="regression", time="day")
FORMS = {"csv": "CSV", "csv.gz": "gzip", "parquet": "Parquet"}
CSV_PART = 0.05  # of the file that the csv module reads; it is slow
_SEED = 20_261_126
_ROWS = 100_000  # made at a time
_DAY = 4_000  # rows of a day

Json = dict[str, Any]


def tables() -> Iterator[pa.Table]:
    """Rows without end: days in order, categories, ids, numbers with and without gaps."""
    for number in range(sys.maxsize):
        draw = np.random.default_rng([_SEED, number])
        days = np.datetime64("2011-01-01") + (np.arange(_ROWS) + number * _ROWS) // _DAY
        holes = draw.random(_ROWS) < 0.02
        columns = {
            "day": pa.array(days.astype(str)),
            "hour": pa.array(draw.integers(0, 24, _ROWS)),
            "station": pa.array(draw.choice(["north", "south", "east", "west"], _ROWS)),
            "user": pa.array(np.char.add("u", draw.integers(0, 10**6, _ROWS).astype(str))),
            "temp": pa.array(draw.normal(10, 5, _ROWS).round(2), mask=holes),
            **{f"x{place}": pa.array(draw.normal(size=_ROWS).round(5)) for place in range(4)},
            "weekend": pa.array(draw.integers(0, 2, _ROWS)),
            "cnt": pa.array(draw.integers(0, 500, _ROWS)),
        }
        yield pa.table(columns)


def make(file: Path, megabytes: float) -> Json:
    """Writes the file in all forms."""
    rows, parquet = 0, None
    with file.open("wb") as out:
        for table in tables():
            if out.tell() >= megabytes * 1e6:
                break
            text = io.BytesIO()
            pa.csv.write_csv(table, text, pa.csv.WriteOptions(include_header=not rows, quoting_style="needed"))
            out.write(text.getvalue().replace(b'"', b""))
            parquet = parquet or pa.parquet.ParquetWriter(file.with_suffix(".parquet"), table.schema)
            parquet.write_table(table)
            rows += len(table)
    if parquet is not None:
        parquet.close()
    with file.open("rb") as plain, gzip.open(file.with_suffix(".csv.gz"), "wb", compresslevel=1) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    return {"rows": rows, "megabytes": file.stat().st_size / 1e6}


def bare(file: Path) -> Json:
    """pyarrow's streaming reader alone."""
    begun = time.monotonic()
    rows = sum(block.num_rows for block in pa.csv.open_csv(file))
    return {"seconds": time.monotonic() - begun, "rows": rows}


def plain_csv(file: Path) -> Json:
    """Python's csv module alone, on the first part; scaled to the whole."""
    most = file.stat().st_size * CSV_PART
    begun = time.monotonic()
    with file.open("rb") as source:
        rows = sum(1 for _ in csv.reader(_until(source, most)))
    return {"seconds": (time.monotonic() - begun) / CSV_PART, "rows": rows}


def _until(source: Any, most: float) -> Iterator[str]:
    read = 0
    for line in source:
        read += len(line)
        yield line.decode()
        if read >= most:
            return


def intake(file: Path) -> Json:
    """What intake does with a file, but for storage."""
    from retrain.data.files import temporary
    from retrain.data.reading import read
    from retrain.data.split import split

    begun, used = time.monotonic(), time.process_time()
    with ExitStack() as stack:
        source = stack.enter_context(file.open("rb"))
        new_file = lambda: stack.enter_context(temporary())  # noqa: E731  (one line says it)
        profile = split(read(source, SPEC, new_file), new_file(), new_file()).profile
    return {
        "seconds": time.monotonic() - begun,
        "cpu": time.process_time() - used,
        "rows": profile.rows,
        "peak": peak(),
    }


STEPS = {"bare": bare, "csv": plain_csv, "intake": intake}

if __name__ == "__main__":
    step, name, *rest = sys.argv[1:]
    found = make(Path(name), float(rest[0])) if step == "make" else STEPS[step](Path(name))
    sys.stdout.buffer.write(msgspec.json.encode(found))
