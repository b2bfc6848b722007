"""Runs of zeros where compressed pixels should be, as interrupted copies and lost sectors leave them."""

import io
import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

RUN = 64  # zeros; what these formats write ends before that, but for large plain areas in WebP
MOST_BYTES = 2**26  # of a file that is searched
MOST_EXTENTS = 10_000  # of all items of an AVIF
WEBP_BYTES = {b"VP8 ": 1 / 45, b"VP8L": 0.4}  # zeros for each pixel that plain areas can cost: measured 0.020 and 0.37


Part = tuple[int, int, int]  # start, end, and how many zeros more than RUN are allowed in it


def check_holes(file: BinaryIO, format: str, pixels: int) -> None:
    """Raise ValueError when the data of a format in COMPRESSED has more zeros in a row than its pixels can give."""
    if file.seek(0, io.SEEK_END) > MOST_BYTES:
        return
    file.seek(0)
    data = file.read()
    if bytes(RUN) not in data:
        return
    left = len(data)
    for start, end, allowed in COMPRESSED[format](memoryview(data), pixels):
        left -= max(0, end - start)
        if left < 0:  # a hostile list of the same part again and again
            return
        if data.find(bytes(RUN + allowed), start, end) >= 0:
            raise ValueError("zeros in the middle of its data")


def _webp(data: memoryview, pixels: int) -> Iterator[Part]:
    """Yield the compressed pixels of a WebP, or of the first frame of an animation."""
    position = 12
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        if kind in WEBP_BYTES:
            yield position + 8, position + 8 + size, int(pixels * WEBP_BYTES[kind])
            return
        position += 24 if kind == b"ANMF" else 8 + size + size % 2  # the chunks of a frame are within it


def _qoi(data: memoryview, pixels: int) -> Iterator[Part]:
    yield 14, len(data), 0  # the end has seven zeros


def _avif(data: memoryview, pixels: int) -> Iterator[Part]:
    """Yield the AV1 data of each item (ISO/IEC 14496-12, 8.11): other items, as EXIF data, may be padded."""
    meta = next((body[4:] for kind, body in _boxes(data) if kind == b"meta"), data[:0])
    boxes = dict(_boxes(meta))
    coded = set(_coded_items(boxes.get(b"iinf", data[:0])))
    for item, start, size in islice(_places(boxes.get(b"iloc", data[:0])), MOST_EXTENTS):
        if item in coded:
            yield start, start + size if size else len(data), 0


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        head = 16 if size == 1 else 8
        size = int.from_bytes(data[position + 8 : position + 16]) if size == 1 else size or len(data) - position
        yield kind, data[position + head : position + size]
        position += max(size, head)


def _coded_items(iinf: memoryview) -> Iterator[int]:
    """Yield the numbers of the items that are AV1."""
    for kind, body in _boxes(iinf[8 if iinf[:1] != b"\0" else 6 :]):
        if kind == b"infe" and body[:1] in (b"\2", b"\3"):
            wide = 4 if body[0] == 3 else 2
            if body[6 + wide : 10 + wide] == b"av01":
                yield int.from_bytes(body[4 : 4 + wide])


def _places(iloc: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and size in bytes of each extent of the items that are in the file itself."""
    stream = io.BytesIO(iloc)

    def number(size: int) -> int:
        return int.from_bytes(stream.read(size))

    version = number(1)
    sizes = number(5)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(min(number(4 if version == 2 else 2), len(iloc))):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_size)
        for _ in range(min(number(2), len(iloc))):
            number(index_size if version else 0)
            start, size = base + number(offset_size), number(length_size)
            if method == 0:
                yield item, start, size


COMPRESSED = {"WEBP": _webp, "AVIF": _avif, "QOI": _qoi}
