"""A CSV file of labelled pictures: path, label and, where it has that column, split; read as a stream."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from errors import UsageError
from sources.splits import split_of_word

COLUMNS = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "class"),
    "split": ("split",),
}  # and what else they may be called


class Row(NamedTuple):
    """A row as it is written, but for blanks around the label."""

    path: str
    label: str
    split: str  # one of SPLITS, or ""


def read_rows(file: str | Path) -> Iterator[Row]:
    """Yield the rows of a CSV file, with a header or with path and label in the first two columns.

    Raises UsageError when the file cannot be read, for a row without a path or a label, and for an unknown split.
    """
    try:
        with open(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            yield from _parse(file, csv.reader(lines, strict=True))
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}; give a folder, or a CSV file of path and label"
        ) from error
    except csv.Error as error:
        raise UsageError(f"{file} is not CSV: {error}") from error


def _parse(file: str | Path, rows: Iterable[list[str]]) -> Iterator[Row]:
    columns: dict[str, int] | None = None
    for number, row in enumerate(rows, start=1):
        if columns is None:
            columns = _read_header(row)
            if columns:
                continue
            columns = {"path": 0, "label": 1}
        if any(row):
            yield _to_row(row, columns, f"row {number} of {file}")


def _read_header(row: Sequence[str]) -> dict[str, int]:
    """Return where path, label and split stand when this row is a header."""
    names = [name.strip().lower() for name in row]
    found = {
        column: names.index(name) for column, others in COLUMNS.items() for name in reversed(others) if name in names
    }
    return found if {"path", "label"} <= set(found) else {}


def _to_row(row: Sequence[str], columns: dict[str, int], where: str) -> Row:
    values = {name: row[column] if column < len(row) else "" for name, column in columns.items()}
    if not values["path"].strip() or not values["label"].strip():
        raise UsageError(f"{where} has no path or no label; every row needs both")
    return Row(values["path"], values["label"].strip(), split_of_word(values.get("split", ""), where))
