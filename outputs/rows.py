"""What the formats of rows share: a row as it is read back, and numbers as they are written."""

import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, runtime_checkable

from results import Result
from sources.named import absolute

if TYPE_CHECKING:
    from sources.frames import Frame

PATH_ERRORS = sys.getfilesystemencodeerrors()  # how the bytes of a path that is not UTF-8 are kept in text
SIGNIFICANT_DIGITS = 6  # of a score; float32 has seven


class StoredRow(NamedTuple):
    """What is wanted of a row when a run is resumed."""

    path: str
    error: str
    end: int  # of the row in its file, bytes
    label: str = ""  # the best one, or ""
    score: float = 0


class Format(Protocol):
    """How results are written: text, CSV or JSON Lines."""

    header: str  # "" where there is none
    shows_errors: bool  # in the place of a picture that cannot be read

    def row(self, result: Result) -> str:
        """Return what is written for one picture, with the line end."""

    def footer(self) -> str:
        """Return what is written after all pictures."""


@runtime_checkable
class StoredFormat(Format, Protocol):
    """A format that can be read back, and so be resumed."""

    def read(self, file: BinaryIO) -> Iterator[StoredRow]:
        """Yield the whole rows from the file's position on; raises ValueError for one that is not of this format."""


class Results(Protocol):
    """Where results are written."""

    rows: int  # that are there, those of a resumed run included
    failed: int
    shows_errors: bool

    def has_row(self, path: str) -> bool:
        """Return whether this input has its row already; to be asked once for each input, in order."""

    def write(self, frame: "Frame", result: Result) -> None:
        """Write the row of one picture; raises UsageError when it cannot be written."""

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield the rows that were there before."""

    def how_to_go_on(self) -> str:
        """Say, after an interruption, what is in the file and how to continue."""

    def __enter__(self) -> "Results": ...

    def __exit__(self, error_type: type | None, *_: object) -> None: ...


def writable(path: str) -> str:
    """Return a path as it stands in a row: CSV has no way to write a NUL, and no file has one in its name."""
    return path.replace("\0", r"\0")


def shortest(score: float) -> float:
    """Return a score without the digits that float32 does not have."""
    return float(f"{score:.{SIGNIFICANT_DIGITS}g}")


class DoneRows:
    """Which inputs have their row already, asked in the order of the inputs.

    While inputs and rows agree, which is so when nothing changed since, one row is held at a
    time; from the first difference on, a number for each row that is left.
    """

    def __init__(self, rows: Iterator[StoredRow], folder: str) -> None:
        self._rows = (hash(absolute(row.path, folder)) for row in rows)
        self._others: Counter[int] = Counter()

    def take(self, path: str) -> bool:
        """Return whether there is a row of this input; each row answers for one."""
        key = hash(absolute(writable(path)))
        if not self._others:
            row = next(self._rows, None)
            if row is None or row == key:
                return row is not None
            self._others = Counter([row, *self._rows])
        if self._others[key] == 0:
            return False
        self._others[key] -= 1
        return True

    def left(self) -> int:
        """Return how many rows no input has asked for."""
        return self._others.total() + sum(1 for _ in self._rows)
