"""What an index knows and is told of pictures, and how paths are kept in its table."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from similarity.picture import Picture, Place

COLUMNS = "row, place, is_relative, size, mtime_ns, sha256, width, height, format"


class Row(NamedTuple):
    """A row of the table."""

    row: int
    place: Place | None  # None: nowhere any more, till the run has ended
    size: int
    mtime_ns: int
    sha256: bytes
    width: int
    height: int
    format: str

    @property
    def picture(self) -> Picture:
        """The picture, called as it is from the current folder."""
        sha256 = self.sha256.hex()
        assert self.place is not None  # in an index that is tidy
        return Picture(self.place.shown, self.size, self.mtime_ns, sha256, self.width, self.height, self.format)


class Failure(NamedTuple):
    """A picture that could not be read."""

    place: Place
    size: int
    mtime_ns: int
    error: str


class New(NamedTuple):
    """A picture that is to be in the index."""

    place: Place
    size: int
    mtime_ns: int
    sha256: bytes
    width: int
    height: int
    format: str
    vector: np.ndarray  # float32 or float16 [D], of unit length
    small: np.ndarray  # uint8 [SMALL]


class Move(NamedTuple):
    """A picture that is in the index and is elsewhere now, or has another time."""

    row: int
    place: Place
    size: int
    mtime_ns: int


def row_of(values: Sequence[Any]) -> Row:
    """Return the row of a record with COLUMNS."""
    row, place, is_relative, *rest = values
    return Row(row, None if place is None else Place(to_text(place), bool(is_relative)), *rest)


def failure_of(values: Sequence[Any]) -> Failure:
    """Return the failure of a record."""
    place, is_relative, *rest = values
    return Failure(Place(to_text(place), bool(is_relative)), *rest)


def to_bytes(path: str) -> bytes:
    """Return a path as it is kept: what is not UTF-8 in it is kept, too."""
    return path.encode("utf-8", "surrogatepass")  # the bytes of a path that is not UTF-8 are surrogates


def to_text(path: bytes) -> str:
    """Return the path that was kept so."""
    return path.decode("utf-8", "surrogatepass")
