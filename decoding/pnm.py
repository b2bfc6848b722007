"""PNM pictures whose numbers are text or need scaling: Pillow reads them one by one in Python, and all threads wait."""

import re
from collections.abc import Iterator
from typing import BinaryIO, TypeGuard

import numpy as np
from PIL import Image, PpmImagePlugin

BLOCK = 2**16  # bytes of text; reading its numbers keeps other threads waiting for a millisecond
LONGEST = 64  # digits of a number, with zeros before it
COMMENT = re.compile(rb"#[^\r\n]*[\r\n]")
DIGITS = b"0123456789"
SPACE = b" \t\n\v\f\r"


def is_slow_pnm(image: Image.Image) -> TypeGuard[PpmImagePlugin.PpmImageFile]:
    """Return whether this is a PNM picture that `load_pnm` reads faster than Pillow."""
    return isinstance(image, PpmImagePlugin.PpmImageFile) and image.tile[0].codec_name in ("ppm", "ppm_plain")


def load_pnm(image: PpmImagePlugin.PpmImageFile, file: BinaryIO) -> Image.Image:
    """Read the numbers of a picture that is opened, scaled to 8 bits, or to 16 where it is grey and has more.

    Raises ValueError when they are not what the header says.
    """
    codec, _box, offset, arguments = image.tile[0]
    is_bitmap = image.mode == "1"
    maxval = 1 if is_bitmap or not isinstance(arguments, tuple) else int(arguments[1])
    levels = np.arange(2**16) / maxval
    full, dtype = (65535, np.uint16) if image.mode == "I" else (255, np.uint8)
    table = np.round(np.minimum(1 - levels if is_bitmap else levels, 1).clip(0) * full).astype(dtype)
    shape = (image.height, image.width, 3)[: 3 if image.mode == "RGB" else 2]
    pixels = np.empty(int(np.prod(shape)), dtype)
    file.seek(offset)
    blocks = _text_numbers(file, is_bitmap, maxval) if codec == "ppm_plain" else _binary_numbers(file, maxval)
    _fill(pixels, blocks, table)
    return Image.fromarray(pixels.reshape(shape))


def _fill(pixels: np.ndarray, blocks: Iterator[np.ndarray], table: np.ndarray) -> None:
    done = 0
    while done < len(pixels):
        numbers = next(blocks, None)
        if numbers is None:
            raise ValueError(f"it ends after {done} of {len(pixels)} numbers")
        numbers = numbers[: len(pixels) - done]
        pixels[done : done + len(numbers)] = table[numbers]
        done += len(numbers)


def _binary_numbers(file: BinaryIO, maxval: int) -> Iterator[np.ndarray]:
    dtype = np.dtype(">u2" if maxval > 255 else np.uint8)
    while len(block := file.read(2**20)) >= dtype.itemsize:
        yield np.frombuffer(block, dtype, len(block) // dtype.itemsize)


def _text_numbers(file: BinaryIO, is_bitmap: bool, maxval: int) -> Iterator[np.ndarray]:
    for text in _texts(file, are_digits=is_bitmap):
        if text.translate(None, DIGITS + SPACE):
            raise ValueError("it holds what is no number")
        if is_bitmap:
            numbers = np.frombuffer(text.translate(None, SPACE), np.uint8) - ord("0")
        else:
            numbers = np.fromstring(text, np.int64, sep=" ") if text.strip(SPACE) else np.empty(0, np.int64)
        if numbers.max(initial=0) > maxval:
            raise ValueError(f"it holds a number above {maxval}")
        yield numbers


def _texts(file: BinaryIO, are_digits: bool) -> Iterator[bytes]:
    """Yield the text a block at a time, without comments; a number is in one block, unless each digit is one."""
    rest = b""
    while block := file.read(BLOCK):
        text, comment, _unfinished = COMMENT.sub(b" ", rest + block).partition(b"#")
        done = len(text) if comment or are_digits else len(text.rstrip(DIGITS))
        yield text[:done]
        rest = text[done:] + comment
        if len(rest) > LONGEST:
            raise ValueError("it holds a number that is too long")
    yield rest.removesuffix(b"#")
