"""The boxes of ISO/IEC 14496-12, of which HEIF and JPEG XL files are made."""

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Box(NamedTuple):
    """One box: its type, and where its content begins and ends in the data."""

    type: bytes
    start: int
    end: int  # past the data's own end in a truncated file


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes of a file or of another box's content."""
    end = len(data) if end is None else min(end, len(data))
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and start + 16 <= end:
            size, header = struct.unpack_from(">Q", data, start + 8)[0], 16
        size = size or end - start  # 0: to the end
        if size < header:
            return
        yield Box(kind, start + header, start + size)
        start += size


def find_box(data: bytes, kind: bytes, start: int = 0, end: int | None = None) -> Box | None:
    """Return the first box of a type."""
    return next((box for box in boxes(data, start, end) if box.type == kind), None)


class Item(NamedTuple):
    """A picture or metadata of a HEIF file, and where its bytes are."""

    type: bytes
    extents: tuple[tuple[int, int], ...]  # (start, end) in the file


def items(data: bytes) -> Iterator[Item]:
    """Yield the items whose bytes lie in the file itself (ISO/IEC 14496-12, 8.11).

    Raises struct.error, IndexError or EOFError when the list is broken.
    """
    meta = find_box(data, b"meta")
    inside = {box.type: box for box in boxes(data, meta.start + 4, meta.end)} if meta else {}
    if b"iinf" in inside and b"iloc" in inside:
        types = _types(data, inside[b"iinf"])
        for number, extents in _locations(data, inside[b"iloc"]):
            yield Item(types.get(number, b""), extents)


def _types(data: bytes, iinf: Box) -> dict[int, bytes]:
    """Return the type of each item by its number."""
    types = {}
    for box in boxes(data, iinf.start + (8 if data[iinf.start] else 6), iinf.end):
        layout = ">I2x4s" if data[box.start] == 3 else ">H2x4s"
        number, kind = struct.unpack_from(layout, data, box.start + 4)
        types[number] = kind
    return types


def _locations(data: bytes, iloc: Box) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    """Yield the number of each item with its extents."""
    reader = _Reader(data, iloc.start)
    version = reader.number(4) >> 24
    sizes = reader.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(reader.number(4 if version == 2 else 2)):
        number = reader.number(4 if version == 2 else 2)
        is_in_file = not (version and reader.number(2) & 15)
        reader.number(2)  # which file: this one
        origin = reader.number(base)
        extents = []
        for _ in range(reader.number(2)):
            reader.number(index if version else 0)
            start = origin + reader.number(offset)
            extents.append((start, start + reader.number(length)))
        if is_in_file:
            yield number, tuple(extents)


class _Reader:
    """Reads big-endian numbers one after the other."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data = data
        self._place = place

    def number(self, size: int) -> int:
        """Return the next number, of `size` bytes."""
        if self._place + size > len(self._data):
            raise EOFError
        self._place += size
        return int.from_bytes(self._data[self._place - size : self._place], "big")
