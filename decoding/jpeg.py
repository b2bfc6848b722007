"""JPEGs are decoded by simplejpeg: Pillow's pixels in less time, and the warnings of libjpeg, which Pillow hides."""

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import simplejpeg
from PIL import Image

MOST_BYTES = 2**26  # a longer file is left to Pillow, which reads it piece by piece
HOLE = bytes(64)  # a lost sector is at least 512 bytes of zeros
END = b"\xff\xd9"
MOST_COPIED = 2**22  # pixels; more would take twice the memory
LAYOUTS = {"RGB": "RGB", "L": "GRAY"}  # Pillow's modes, as simplejpeg calls them
NOT_IMPLEMENTED = "Unsupported JPEG"  # what libjpeg says of lossless ones, for example


def load_jpeg(image: Image.Image, file: BinaryIO) -> Image.Image:
    """Decode a JPEG that Pillow has opened, at the scale that `draft` has set.

    Raises ValueError or OSError, with the reason, when pixels are lost.
    """
    if file.seek(0, io.SEEK_END) > MOST_BYTES:
        image.load()
        return image
    file.seek(0)
    data = file.read()
    try:
        decoded = _decode(image, data)
    except ValueError as error:
        return _load_despite(str(error), image, data)
    if "progressive" not in image.info and _has_hole(data) and not _zeros_are_flat(data):
        raise ValueError("zeros in the middle of its data")
    return decoded


def _decode(image: Image.Image, data: bytes) -> Image.Image:
    """Decode at the scale of a Pillow image; raises ValueError with the first error or warning of libjpeg."""
    if image.mode not in LAYOUTS or image.width * image.height > MOST_COPIED:
        _decode_for_warnings(data)
        image.load()
        return image
    pixels = simplejpeg.decode_jpeg(data, LAYOUTS[image.mode], min_height=image.height, min_width=image.width)
    decoded = Image.new(image.mode, image.size, None)  # not filled first, as it would be by `fromarray`
    decoded.frombytes(pixels)
    decoded.format, decoded.info = image.format, image.info
    return decoded


def _load_despite(message: str, image: Image.Image, data: bytes) -> Image.Image:
    """Let Pillow load what simplejpeg does not decode, or warns of without need; raises ValueError for damage."""
    if damage := _damage(message, data):
        raise ValueError(damage)
    try:
        image.load()
    except OSError as error:
        raise ValueError(message if message.startswith(NOT_IMPLEMENTED) else str(error)) from error
    return image


def _damage(message: str, data: bytes) -> str:
    """Return the warning when pixels are lost; of headers and of bytes left over, many whole pictures have one."""
    if _has_hole(data):
        return "zeros in the middle of its data"
    if _warning(simplejpeg.decode_jpeg_header, data):  # libjpeg tells its first warning only
        data = _without_metadata(data)
        message = "" if _warning(simplejpeg.decode_jpeg_header, data) else _warning(_decode_for_warnings, data)
    if message.startswith("Premature end"):
        return "the file is truncated"
    is_harmless = message.endswith("extraneous bytes before marker 0xd9")
    return message if message.startswith("Corrupt JPEG data") and not is_harmless else ""


def _decode_for_warnings(data: bytes) -> None:
    simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1)  # an eighth of the size, and quick


def _warning(decode: Callable[[bytes], Any], data: bytes) -> str:
    try:
        decode(data)
    except ValueError as error:
        return str(error)
    return ""


def _without_metadata(data: bytes) -> bytes:
    """Return a JPEG without its application segments and comments, or nothing when its segments do not join."""
    segments = list(_segments(data))
    if not segments or segments[-1][0] != 0xDA:
        return b""
    needed = (data[start:end] for (marker, start), (_, end) in pairwise(segments) if not 0xE0 <= marker <= 0xFE)
    return b"\xff\xd8" + b"".join(needed) + data[segments[-1][1] :]


def _has_hole(data: bytes) -> bool:
    """Return whether there is a run of zeros between the first scan and the end of the picture."""
    if HOLE not in data:
        return False
    start = max((position for marker, position in _segments(data) if marker == 0xDA), default=len(data))
    end = data.find(END, start)
    return HOLE in data[start : end if end >= 0 else None]


def _zeros_are_flat(data: bytes) -> bool:
    """Return whether zeros can stand for a plain area, for which optimised tables have the code 0.

    In the standard ones, zeros stand for blocks in which each coefficient is -1, which no encoder makes.
    """
    for marker, position in _segments(data):
        for kind, symbols in _tables(data, position) if marker == 0xC4 else ():
            if kind & 0xF0 and symbols:  # the first table of coefficients that are not the mean
                return symbols[0] == 0
    return True


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the marker and the position of each segment up to the first scan (ITU-T T.81, B.1)."""
    position, marker = 2, 0
    while marker != 0xDA and position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        yield marker, position
        position += 1 if marker == 0xFF else 2 + int.from_bytes(data[position + 2 : position + 4])  # 0xFF: padding


def _tables(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """Yield kind and symbols, the shortest code first, of each Huffman table in a segment (ITU-T T.81, B.2.4.2)."""
    end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
    position += 4
    while position + 17 <= min(end, len(data)):
        count = sum(data[position + 1 : position + 17])
        yield data[position], data[position + 17 : position + 17 + count]
        position += 17 + count
