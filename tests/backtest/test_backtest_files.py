"""Files become a history: in which order, what is no history, and where clean rows come from."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import pytest

from local import bikes
from local.backtest.steps import CannotPlay, read_steps
from tests.backtest.streams import TIME, batch


def write(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content)
    return folder


def names(*paths: Path, time: str | None = TIME) -> list[str]:
    return [step.name for step in read_steps(paths, time)]


def test_files_are_played_in_the_order_of_their_first_day_whatever_they_are_called(tmp_path: Path) -> None:
    folder = write(tmp_path, c=batch(0), a=batch(1), b=batch(2))
    assert names(folder) == ["c.csv", "a.csv", "b.csv"]
    assert names(folder / "b.csv", folder / "c.csv") == ["c.csv", "b.csv"]


def test_files_without_a_column_of_time_are_played_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, c=batch(0), a=batch(1), b=batch(2))
    assert names(folder, time=None) == ["a.csv", "b.csv", "c.csv"]


def test_a_damaged_file_keeps_its_place(tmp_path: Path) -> None:
    folder = write(tmp_path, a=batch(0), c=batch(1))
    (folder / "b.csv.gz").write_bytes(gzip.compress(batch(1))[:100])
    assert names(folder) == ["a.csv", "b.csv.gz", "c.csv"]


def test_a_file_that_tells_no_day_follows_the_one_before_it_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, a=batch(1), b=b"\xff\xfe not a table", c=batch(2), d=batch(0))
    assert names(folder) == ["d.csv", "a.csv", "b.csv", "c.csv"]


def test_real_months_come_in_order(tmp_path: Path) -> None:
    months = bikes.every_month()[:4]
    files = {f"x{9 - number}": bikes.months(month).encode() for number, month in enumerate(months)}
    assert names(write(tmp_path, **files), time="day") == ["x9.csv", "x8.csv", "x7.csv", "x6.csv"]


def test_every_form_that_intake_takes_is_played_in_order(tmp_path: Path) -> None:
    from pyarrow import csv, parquet

    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(batch(2)))
    parquet.write_table(csv.read_csv(BytesIO(batch(0))), tmp_path / "b.parquet")
    write(tmp_path, c=batch(1))
    assert names(tmp_path) == ["b.parquet", "c.csv", "a.csv.gz"]


def test_clean_rows_are_found_by_name(tmp_path: Path) -> None:
    played = write(tmp_path / "landed", a=batch(0), b=batch(1, shuffled=True))
    clean = write(tmp_path / "clean", b=batch(1), c=batch(2))
    first, second = read_steps([played], TIME, clean)
    assert (first.truth, second.truth) == (None, batch(1))


def test_what_is_no_history_is_refused_with_its_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "landed", a=batch(0))
    empty, other = tmp_path / "empty", write(tmp_path / "other", a=batch(1))
    empty.mkdir()
    for paths, truth, said in (
        ([], None, "no files to play; name files"),
        ([empty], None, f"no files to play in {empty}"),
        ([tmp_path / "nowhere"], None, "nowhere: there is no such file or folder"),
        ([folder / "a.csv", other], None, r"a\.csv: more than one file"),
        ([other], empty, r"--truth .*empty: no file in it is called like one that is played, such as a\.csv"),
        ([other], tmp_path / "nowhere", "--truth .*nowhere: there is no such folder"),
    ):
        with pytest.raises(CannotPlay, match=said):
            read_steps(paths, TIME, truth)
