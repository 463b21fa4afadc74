"""Faults of the file: what should be a table of text in UTF-8 is something else, or not all of it."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import replace

from benchmarks.gate.faults.scene import Fault, Rng, Scene, changed
from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import SOURCES


def headless(scene: Scene, rng: Rng, _: None) -> bytes:
    """The header line is not there."""
    return scene.batch.text().partition("\n")[2].encode()


def header_again(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Two exports one below the other: the header stands in the middle once more."""
    middle = len(scene.batch) // 2
    rows = scene.batch.rows
    return replace(scene.batch, rows=(*rows[:middle], scene.batch.header, *rows[middle:]))


def encoded(scene: Scene, rng: Rng, encoding: str) -> bytes:
    """Another encoding; words get letters by which it can be told."""
    sheet = scene.batch
    if scene.stream.words:
        sheet = changed(sheet, scene.word(rng), [True] * len(sheet), lambda value: value.replace("e", "é"))
    return sheet.text().encode(encoding)


def cut(scene: Scene, rng: Rng, share: float) -> bytes:
    """The upload ended early, in the middle of a line."""
    text = scene.batch.content()
    end = int(share * len(text))
    return text[: text.index(b",", end) + 1]


def cut_at_line(scene: Scene, rng: Rng, share: float) -> bytes:
    """The upload ended early, between two lines, which nothing shows."""
    text = scene.batch.content()
    return text[: text.index(b"\n", int(share * len(text))) + 1]


def cut_gzip(scene: Scene, rng: Rng, share: float) -> bytes:
    """The upload of a compressed file ended early."""
    packed = gzip.compress(scene.batch.content(), mtime=0)
    return packed[: int(share * len(packed))]


def damaged_gzip(scene: Scene, rng: Rng, _: None) -> bytes:
    """A byte in the middle of a compressed file is another one."""
    packed = bytearray(gzip.compress(scene.batch.content(), mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    return bytes(packed)


def separated(scene: Scene, rng: Rng, mark: str) -> bytes:
    """Another separator."""
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator="\n").writerows((scene.batch.header, *scene.batch.rows))
    return out.getvalue().encode()


def with_line(scene: Scene, rng: Rng, line: str) -> bytes:
    """A line in the middle that is no row."""
    lines = scene.batch.text().split("\n")
    lines.insert(len(lines) // 2, line)
    return "\n".join(lines).encode()


def with_total(scene: Scene, rng: Rng, _: None) -> Sheet:
    """A last row with the sums, as a report has it."""
    total = tuple("Total" if place == 0 else "99999" for place in range(len(scene.batch.header)))
    return replace(scene.batch, rows=(*scene.batch.rows, total))


def with_nuls(scene: Scene, rng: Rng, _: None) -> bytes:
    """A block of zero bytes in the middle, as a crashed disk leaves it."""
    text = scene.batch.content()
    middle = len(text) // 2
    return text[:middle] + b"\0" * 512 + text[middle + 512 :]


def other(scene: Scene, rng: Rng, content: bytes) -> bytes:
    """No table at all."""
    return content


def of_another(scene: Scene, rng: Rng, _: None) -> bytes:
    """A batch of another model in the wrong folder."""
    name = "adult in 20 parts" if scene.stream.name.startswith("bikes") else "bikes by month"
    return SOURCES[name].stream().batches[0].content()


def packed(scene: Scene, rng: Rng, _: None) -> bytes:
    """Compressed."""
    return gzip.compress(scene.batch.content(), mtime=0)


def marked(scene: Scene, rng: Rng, _: None) -> bytes:
    """With a byte order mark, as Windows writes UTF-8."""
    return b"\xef\xbb\xbf" + scene.batch.content()


def other_line_ends(scene: Scene, rng: Rng, _: None) -> bytes:
    """With the line ends of Windows."""
    return scene.batch.content().replace(b"\n", b"\r\n")


def quoted(scene: Scene, rng: Rng, _: None) -> bytes:
    """Every field in quotes."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows((scene.batch.header, *scene.batch.rows))
    return out.getvalue().encode()


PAGE = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>\n"
GROUP = "file"
FAULTS = (
    Fault(GROUP, "header missing", headless),
    Fault(GROUP, "header once more in the middle", header_again),
    Fault(GROUP, "another encoding", encoded, {"Latin-1": "latin-1", "UTF-16": "utf-16", "code page 437": "cp437"}),
    Fault(GROUP, "file cut in a line", cut, {"at 10 %": 0.1, "at 50 %": 0.5, "at 95 %": 0.95}),
    Fault(GROUP, "file cut between lines", cut_at_line, {"at 10 %": 0.1, "at 50 %": 0.5}),
    Fault(GROUP, "compressed file cut", cut_gzip, {"at 50 %": 0.5, "at 95 %": 0.95}),
    Fault(GROUP, "compressed file damaged", damaged_gzip),
    Fault(GROUP, "another separator", separated, {"semicolon": ";", "tab": "\t"}),
    Fault(GROUP, "a line that is no row", with_line, {"a remark": "# export resumed", "an open quote": '"broken'}),
    Fault(GROUP, "a row of totals", with_total),
    Fault(GROUP, "zero bytes", with_nuls),
    Fault(GROUP, "no table", other, {"an empty file": b"", "a page of an error": PAGE, "JSON": b'[{"a": 1}]\n'}),
    Fault(GROUP, "a batch of another model", of_another),
    Fault(GROUP, "compressed", packed, harmless=True),
    Fault(GROUP, "byte order mark", marked, harmless=True),
    Fault(GROUP, "line ends of Windows", other_line_ends, harmless=True),
    Fault(GROUP, "quotes around everything", quoted, harmless=True),
)
