"""A CSV file of labelled pictures: path, label and, where it has that column, split; read as a stream."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from errors import UsageError
from files import open_text
from sources.splits import split_of_word

COLUMNS = (("path", "file", "filename", "image"), ("label", "class"), ("split",))  # what each may be called


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
        with open_text(file, "surrogateescape", newline="") as lines:
            yield from _parse(file, csv.reader(lines, strict=True))
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}; give a folder, or a CSV file of path and label"
        ) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not CSV: {error}") from error


def _parse(file: str | Path, rows: Iterable[list[str]]) -> Iterator[Row]:
    columns: list[int] = []
    for number, row in enumerate(rows, start=1):
        if not columns:
            columns = _read_header(row)
            if columns:
                continue
            columns = [0, 1]
        if not any(row):
            continue
        try:
            parsed = _to_row(row, columns)
        except UsageError as error:
            raise UsageError(f"row {number} of {file}: {error}") from error
        yield parsed


def _read_header(row: Sequence[str]) -> list[int]:
    """Return where path, label and, if it is there, split stand when this row is a header."""
    names = [name.strip().lower() for name in row]
    found = [next((names.index(name) for name in column if name in names), -1) for column in COLUMNS]
    return [place for place in found if place >= 0] if min(found[:2]) >= 0 else []


def _to_row(row: Sequence[str], columns: Sequence[int]) -> Row:
    path, label, *split = [row[place] if place < len(row) else "" for place in columns]
    if not path.strip() or not label.strip():
        raise UsageError("it has no path or no label; every row needs both")
    return Row(path, label.strip(), split_of_word(split[0]) if split else "")
