"""From a picture to the uint8 RGB square that a model takes: one path for every model and script.

`decode_square` makes it of a file of any bytes, `convert_with` of a picture that is in memory; `decode_image` and
`convert_image` give the whole picture as upright RGB, for outputs that show it. On the way to the square, a strip of
the picture is in RGB at a time. Each model's own `preprocess_input` is part of its graph (see `networks`).
"""

import os
import stat
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, PngImagePlugin

from decoding.colors import Upright, orientation_of, thinned
from decoding.diagnosis import decoder_errors
from decoding.formats import split_member
from decoding.limits import check_size
from decoding.opening import load_picture
from decoding.png import leaner_copies
from errors import ImageError
from settings import MAX_PIXELS
from transforms import Transform

PADDING_COLOR = (124, 116, 104)  # ImageNet's mean RGB, so that the margin is near zero after preprocessing

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

Made = TypeVar("Made")

_decoding = [threading.Lock() for _ in range(16)]  # Pillow decodes an image when it is first used, on one thread only

PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # from 1 MiB, which colour profiles and prompts exceed


def open_file(path: str | Path) -> BinaryIO:
    """Open a picture's file, or one in an archive; raises ImageError for what is not there or is no file."""
    try:
        if split_member(os.fspath(path))[1]:
            from decoding.archives import open_member

            return open_member(os.fspath(path))
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ImageError(_why_not_a_file(path))
        return open(path, "rb")
    except FileNotFoundError as error:
        raise ImageError("no such file") from error
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL or half a character in the path
        hint = "; --null reads paths that end in NUL" if "\0" in str(path) else ""
        raise ImageError(f"not a valid path: {error}{hint}") from error


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS, min_side: int | None = None) -> Image.Image:
    """Decode a picture's file, as `decode_image` does."""
    with open_file(path) as file:
        return decode_image(file, str(path), max_pixels, min_side)


def decode_image(file: BinaryIO, name: str, max_pixels: int = MAX_PIXELS, min_side: int | None = None) -> Image.Image:
    """Decode a picture into upright 8-bit sRGB, whatever its format, mode and extension.

    EXIF orientation and a colour profile are applied, transparency laid over white, and 16-bit and CMYK pictures
    converted; of an animation or a document, the first frame is taken. A JPEG is decoded at a
    half, a quarter or an eighth of its size while its short side keeps `min_side` pixels.
    `name` is for messages. Raises ImageError with the reason when the file, which can seek, is not a whole,
    readable picture of at most `max_pixels` pixels.
    """
    return _decode(file, name, max_pixels, min_side, _to_rgb)


def decode_square(file: BinaryIO, name: str, transform: Transform) -> np.ndarray:
    """Decode a picture into the uint8 RGB square that a model takes; the rest as in `decode_image`."""
    return decode_with(partial(make_square, transform=transform), file, name, transform)


def decode_with(make: Callable[[Image.Image], Made], file: BinaryIO, name: str, transform: Transform) -> Made:
    """Return what `make` makes of a decoded picture, which is large enough for `make_square`; it may be called twice.

    Its image is of any mode and not turned yet. The rest as in `decode_image`.
    """
    return _decode(file, name, transform.max_pixels, transform.min_side, make)


def convert_image(image: Image.Image, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return a copy of a Pillow image as upright 8-bit sRGB, as `decode_image` makes it; raises ImageError."""
    converted = _convert(image, max_pixels, _to_rgb)
    return image.copy() if converted is image else converted


def convert_with(make: Callable[[Image.Image], Made], image: Image.Image, transform: Transform) -> Made:
    """Return what `make` makes of a Pillow image of any mode, which may not be turned yet; raises ImageError."""
    return _convert(image, transform.max_pixels, make)


def make_square(image: Image.Image, transform: Transform) -> np.ndarray:
    """Make the square that a model takes of a picture of any mode: uint8 RGB [size, size, 3]."""
    picture, size = Upright(thinned(image)), transform.size
    resample = RESAMPLING[transform.interpolation]
    if transform.resize == "stretch":
        square = picture.resized((size, size), Image.Resampling.NEAREST)
    elif transform.resize == "pad":
        square = _pad_to_square(picture, size, resample)
    elif transform.crop_fraction is None:
        square = picture.resized((size, size), resample)
    else:
        width, height = picture.size
        side = min(width, height) * transform.crop_fraction
        left, top = (width - side) / 2, (height - side) / 2
        square = picture.resized((size, size), resample, (left, top, left + side, top + side))
    return np.asarray(square)


def read_square(path: str | Path, transform: Transform) -> np.ndarray:
    """Read a picture's file as the uint8 RGB square that a model takes; raises ImageError."""
    with open_file(path) as file:
        return decode_square(file, str(path), transform)


def _pad_to_square(picture: Upright, size: int, resample: Image.Resampling) -> Image.Image:
    width, height = picture.size
    scale = size / max(width, height)
    inner = picture.resized((max(1, round(width * scale)), max(1, round(height * scale))), resample)
    square = Image.new("RGB", (size, size), PADDING_COLOR)
    square.paste(inner, ((size - inner.width) // 2, (size - inner.height) // 2))
    return square


def _to_rgb(image: Image.Image) -> Image.Image:
    return Upright(image).to_rgb()


def _convert(image: Image.Image, max_pixels: int, make: Callable[[Image.Image], Made]) -> Made:
    check_size(image.width, image.height, max_pixels)
    with decoder_errors(image.format or "PIL"), _decoding[id(image) // 16 % len(_decoding)]:
        image.load()  # its file is read only now, and may hold anything
        orientation_of(image)  # is read only once, too
    return _made_of(image, make)


def _decode(
    file: BinaryIO, name: str, max_pixels: int, min_side: int | None, make: Callable[[Image.Image], Made]
) -> Made:
    """Load a picture and make of it what is wanted, while there is room for it in memory."""

    def decode(file: BinaryIO) -> Made:
        with ExitStack() as room:  # no name holds the image here, so that it is gone when there is room for others
            return _made_of(load_picture(file, name, max_pixels, min_side, room), make)

    try:
        try:
            return decode(file)
        except ImageError:
            for copy in leaner_copies(file):
                with suppress(ImageError):
                    return decode(copy)
            raise
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error


def _made_of(image: Image.Image, make: Callable[[Image.Image], Made]) -> Made:
    with decoder_errors(image.format or "PIL"):
        return make(image)


def _why_not_a_file(path: str | Path) -> str:
    return "is a folder, not a picture" if os.path.isdir(path) else "is not a regular file (a pipe or a device?)"
