"""PNG: what its checksums say, and the picture without chunks that it does not need."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
USEFUL = (b"eXIf", b"iCCP")  # orientation and colours
PIECE = 2**16  # bytes that are read at once
MOST_BYTES = 2**26  # of a file that is copied without some of its chunks


def check_sums(file: BinaryIO) -> None:
    """Raise ValueError when the checksum of a chunk that makes the picture is wrong."""
    file.seek(len(SIGNATURE))
    for kind, size in _chunks(file):
        if kind in NEEDED:
            if not _sum_is_right(file, kind, size):
                raise ValueError(f"the checksum of {kind.decode()} is wrong")
        else:
            file.seek(size + 4, io.SEEK_CUR)


def leaner_copies(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield a PNG without most chunks that its pixels do not need, and without any of them; nothing for other files."""
    file.seek(0)
    if file.read(len(SIGNATURE)) != SIGNATURE or file.seek(0, io.SEEK_END) > MOST_BYTES:
        return
    for kinds in (NEEDED + USEFUL, NEEDED):
        yield io.BytesIO(SIGNATURE + b"".join(_copies(file, kinds)))


def _copies(file: BinaryIO, kinds: tuple[bytes, ...]) -> Iterator[bytes]:
    file.seek(len(SIGNATURE))
    for kind, size in _chunks(file):
        body = file.read(size + 4)
        if kind in kinds and (kind in NEEDED or zlib.crc32(kind + body[:-4]).to_bytes(4) == body[-4:]):
            yield struct.pack(">I4s", size, kind) + body


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield kind and size in bytes of each chunk; what takes them moves the file behind its checksum."""
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        yield kind, size
        if kind == b"IEND":
            return


def _sum_is_right(file: BinaryIO, kind: bytes, size: int) -> bool:
    """Return whether the checksum of a chunk is right, or is not there: then Pillow says what is missing."""
    crc = zlib.crc32(kind)
    while size and (piece := file.read(min(size, PIECE))):
        crc = zlib.crc32(piece, crc)
        size -= len(piece)
    expected = file.read(4)
    return len(expected) < 4 or crc.to_bytes(4) == expected
