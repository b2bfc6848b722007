"""What decoding a picture takes in memory, and room for as much of it as all threads may take at once."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from decoding.colors import ORIENTATION
from decoding.pnm import is_slow_pnm
from settings import MAX_PIXELS

BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # Pillow's; others have 4
ROOM = 4 * MAX_PIXELS  # bytes; one picture of RGB at the limit
FREE = 2**24  # bytes, that never wait
DECODERS = {"AVIF": 4, "GIF": 2, "WEBP": 4}  # times the picture itself, that are held while it is decoded
HEAD = 4096  # bytes of a JPEG 2000 file in which its codestream begins
BITS_PER_SAMPLE, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 258, 278, 322, 323  # tags of TIFF
JPEG2000_START = b"\xff\x4f\xff\x51"  # of the codestream, with its sizes behind
Image.core.set_block_size(2**26)  # from 2**24: the C library gives such blocks back when they are freed
_changed = threading.Condition()
_next = threading.Lock()  # held by the one that waits for room, so that no smaller ones overtake it for ever
_taken = 0


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Wait until there is room for so many bytes, and hold it; what is larger than all the room is alone in it.

    A thread that has room must not ask for more.
    """
    if size <= FREE:
        yield
        return
    size = min(size, ROOM)
    with _next, _changed:
        _changed.wait_for(lambda: _taken + size <= ROOM)
        _take(size)
    try:
        yield
    finally:
        with _changed:
            _take(-size)
            _changed.notify()


def _take(size: int) -> None:
    global _taken
    _taken += size


def decoding_bytes(image: Image.Image, file: BinaryIO, size: tuple[int, int]) -> int:
    """Return what decoding an opened picture takes at its peak, as measured with Pillow 13.

    `size` is that of a JPEG before `draft` made it smaller.
    """
    decoded = image.width * image.height * BYTES_PER_PIXEL.get(image.mode, 4)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        coefficients = size[0] * size[1] * _samples(image) if "progressive" in image.info else 0
        return decoded + 2 * int(coefficients)  # of 16 bits
    if image.format == "JPEG2000":
        return decoded + 6 * _largest_tile(image, file) * len(image.getbands())
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        is_turned = image.tag_v2.get(ORIENTATION, 1) != 1  # in a copy
        return (2 if is_turned else 1) * decoded + _strip_bytes(image)
    if is_slow_pnm(image):
        return 2 * decoded
    return decoded * DECODERS.get(image.format or "", 1)


def _strip_bytes(image: TiffImagePlugin.TiffImageFile) -> int:
    """Return the bytes of a strip or tile of a compressed TIFF, which are decompressed at once."""
    if not image.tile or image.tile[0].codec_name != "libtiff":
        return 0
    tags, bits = image.tag_v2, sum(image.tag_v2.get(BITS_PER_SAMPLE, (1,)))
    if TILE_WIDTH in tags:
        return int(tags[TILE_WIDTH] * tags.get(TILE_LENGTH, 1)) * bits // 8
    return image.width * int(min(tags.get(ROWS_PER_STRIP, image.height), image.height)) * bits // 8


def _samples(image: JpegImagePlugin.JpegImageFile) -> float:
    """Return how many numbers a JPEG has for each pixel: 3 of RGB, 1.5 where colours are in half of the size."""
    across, down = [part[1] for part in image.layer], [part[2] for part in image.layer]
    return sum(x * y for x, y in zip(across, down, strict=True)) / (max(across) * max(down))


def _largest_tile(image: Image.Image, file: BinaryIO) -> int:
    """Return the pixels of a JPEG 2000 picture that are decoded at once; where that is not found, all of them."""
    whole = image.width * image.height
    file.seek(0)
    head = file.read(HEAD)
    sizes = head[head.find(JPEG2000_START) + 8 :][:32]  # right, bottom, left, top, and the same of a tile
    if JPEG2000_START not in head or len(sizes) < 32:
        return whole
    width, height = struct.unpack(">8I", sizes)[4:6]
    return min(width, image.width) * min(height, image.height)
