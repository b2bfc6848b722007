"""Results as CSV: a row for each picture, the labels beside each other, best first.

Columns: path, model, error, and for each of the top k: label_1, score_1, class_id_1, label_2 ...
UTF-8; of a path that is not, the bytes stand as they are (in Python, errors="surrogateescape").
"""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from outputs.rows import PATH_ERRORS, StoredRow, shortest, writable
from results import Result


class CsvFormat:
    """One header, and then a row for each result."""

    shows_errors = True

    def __init__(self, model: str, top_k: int) -> None:
        self._model = model
        self._top_k = top_k
        ranked = [f"{name}_{rank}" for rank in range(1, top_k + 1) for name in ("label", "score", "class_id")]
        self.header = _line(["path", "model", "error", *ranked])

    def row(self, result: Result) -> str:
        """Return the row of one picture."""
        cells = [
            str(cell) for class_id, label, score in result.predictions for cell in (label, shortest(score), class_id)
        ]
        cells += [""] * (3 * self._top_k - len(cells))
        return _line([writable(result.source), self._model, result.error, *cells])

    def footer(self) -> str:
        """Return nothing: the rows say it all."""
        return ""

    def read(self, file: BinaryIO) -> Iterator[StoredRow]:
        """Yield the whole rows after the header; raises ValueError for one that is not of this format."""
        lines: list[bytes] = []
        marks = 0
        for line in file:
            lines.append(line)
            marks += line.count(b'"')
            if marks % 2 == 0 and line.endswith(b"\n"):  # a line end inside quotation marks is part of a cell
                yield self._stored_row(b"".join(lines), file.tell())
                lines, marks = [], 0
        if any(line.endswith(b"\n") and f",{self._model},".encode() in line for line in lines[1:]):
            raise ValueError("a quotation mark takes in the rows that follow")

    def _stored_row(self, record: bytes, end: int) -> StoredRow:
        cells = next(csv.reader(io.StringIO(record.decode("utf-8", PATH_ERRORS), newline=""), strict=True))
        if len(cells) != 3 + 3 * self._top_k:
            raise ValueError(f"{len(cells)} columns")
        if b"\0" in record:
            raise ValueError("it has zeros, as after a power failure")
        return StoredRow(cells[0], cells[2], end, cells[3], float(cells[4] or 0))


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)  # so that cells with either character are quoted
    return line.getvalue().removesuffix("\r\n") + "\n"
