"""What the container of a video says: whether the file is all there, and why no video can be read from it.

MP4 and QuickTime (ISO/IEC 14496-12), Matroska and WebM (RFC 8794, RFC 9559) and AVI (RIFF) say how long they are; MPEG
streams do not.
"""

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from decoding.diagnosis import why_not_an_image

MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"styp")  # that a file begins with
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
CONTAINERS = (EBML, b"RIFF", b"OggS", b"FLV", b"\x30\x26\xb2\x75", b"ID3", b"fLaC")  # known by their first bytes
MOST_PARTS = 100_000  # that are looked at, so that no file takes longer than a second
MOST_INDEX = 2**26  # bytes of an MP4's index that are looked at
TAIL = 512  # bytes: a sector


def missing_bytes(file: BinaryIO) -> int:
    """Return how many bytes a video's file lacks of what its container declares; 0 where that is not said."""
    size = file.seek(0, os.SEEK_END)
    return max(0, max((end for _name, _start, end in _parts(file, size)), default=0) - size)


def ends_in_zeros(file: BinaryIO) -> bool:
    """Return whether the last bytes are all zeros, as in a copy that was interrupted."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    return not file.read(TAIL).strip(b"\0")


def why_no_video(file: BinaryIO) -> str:
    """Return why a file cannot be opened as a video."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(512)
    if head[4:8] in MP4_BOXES:
        return _why_no_mp4(file, size)
    if head.startswith(CONTAINERS):
        return "holds no video that can be read: only sound, or it is damaged"
    return why_not_an_image(head).replace("picture", "video")


def _why_no_mp4(file: BinaryIO, size: int) -> str:
    index = next(((start, end) for name, start, end in _parts(file, size) if name == b"moov"), None)
    if index is None:
        return "its index (moov) is missing: the recording was not finished, or the copy was interrupted"
    file.seek(index[0])
    kinds = re.findall(rb"hdlr.{8}(....)", file.read(min(index[1] - index[0], MOST_INDEX)), re.DOTALL)
    if kinds and b"vide" not in kinds:
        return "holds no video, only " + ("sound" if b"soun" in kinds else "other data")
    return "is a damaged video: nothing in it can be decoded"


def _parts(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each part of a file, and where it begins and ends."""
    file.seek(0)
    head = file.read(12)
    read = _matroska_part if head.startswith(EBML) else _mp4_box if head[4:8] in MP4_BOXES else _riff_chunk
    if read is _riff_chunk and not (head.startswith(b"RIFF") and head[8:11] == b"AVI"):
        return
    start = 0
    for _ in range(MOST_PARTS):
        file.seek(start)
        name, length = read(file.read(16))
        if start >= size or not length:
            return
        yield name, start, start + length
        start += length


def _mp4_box(head: bytes) -> tuple[bytes, int]:
    length = int.from_bytes(head[:4], "big")
    if length == 1:
        length = int.from_bytes(head[8:16], "big")
    return head[4:8], length if length >= 8 else 0  # 0 is "to the end of the file"


def _riff_chunk(head: bytes) -> tuple[bytes, int]:
    length = int.from_bytes(head[4:8], "little")
    return head[:4], 0 if head[:4] != b"RIFF" or length in (0, 2**32 - 1) else 8 + length + length % 2


def _matroska_part(head: bytes) -> tuple[bytes, int]:
    """Read an element whose id has four bytes; of its length, the first byte's leading zeros say how many follow."""
    name, rest = head[:4], head[4:]
    if name not in (EBML, SEGMENT) or not rest or not rest[0]:
        return name, 0
    bytes_of_length = 9 - rest[0].bit_length()
    value = int.from_bytes(rest[:bytes_of_length], "big") & (1 << 7 * bytes_of_length) - 1
    is_unknown = value == (1 << 7 * bytes_of_length) - 1  # of a live recording
    return name, 0 if is_unknown else 4 + bytes_of_length + value
