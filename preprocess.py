"""From a picture to the uint8 RGB square that a model takes: one path for every model and script.

`decode_image` turns a file of any bytes into upright RGB, `convert_image` a picture that is in memory;
`make_square` makes the square. Each model's own `preprocess_input` is part of its graph (see `networks`).
"""

import contextlib
import logging
import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from decoding.colors import to_rgb, upright
from decoding.diagnosis import reason_of
from decoding.limits import check_size
from decoding.opening import has_frames, load_image, open_image
from decoding.png import leaner_copies
from errors import ImageError
from settings import MAX_PIXELS
from transforms import Transform

PADDING_COLOR = (124, 116, 104)  # ImageNet's mean RGB, so that the margin is near zero after preprocessing

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

logger = logging.getLogger("suite")
_decoding = [threading.Lock() for _ in range(16)]  # Pillow decodes an image when it is first used, on one thread only
_multi_frame_note = threading.Lock()  # taken for good by the first picture that the note is about

PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # from 1 MiB, which colour profiles and prompts exceed


def open_file(path: str | Path) -> BinaryIO:
    """Open a picture's file; raises ImageError, with the reason, for what is not there or is no file."""
    try:
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
    """Decode a picture into upright 8-bit RGB, whatever its format, mode and extension.

    EXIF orientation is applied, transparency laid over white, and 16-bit and CMYK pictures
    converted; of an animation or a document, the first frame is taken. A JPEG is decoded at a
    half, a quarter or an eighth of its size while its short side keeps `min_side` pixels.
    `name` is for messages. Raises ImageError with the reason when the file, which can seek, is not a whole,
    readable picture of at most `max_pixels` pixels.
    """
    try:
        head = file.read(512)
        file.seek(0)
        return _decode(file, head, name, max_pixels, min_side)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error


def convert_image(image: Image.Image, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return a copy of a Pillow image as upright 8-bit RGB, as `decode_image` makes it; raises ImageError."""
    check_size(image.width, image.height, max_pixels)
    try:
        with _decoding[id(image) // 16 % len(_decoding)]:
            copy = image.copy()
        return to_rgb(upright(copy))
    except Exception as error:  # its file is read only now, and may hold anything
        raise ImageError(f"damaged {image.format or 'PIL'} picture: {reason_of(error)}") from error


def make_square(image: Image.Image, transform: Transform) -> np.ndarray:
    """Make the square that a model takes of a decoded picture: uint8 RGB [size, size, 3]."""
    size, fraction = transform.size, transform.crop_fraction
    resample = RESAMPLING[transform.interpolation]
    if transform.resize == "stretch":
        square = image.resize((size, size), Image.Resampling.NEAREST)
    elif transform.resize == "pad":
        square = _pad_to_square(image, size, resample)
    elif fraction is None:
        square = image.resize((size, size), resample)
    else:
        side = min(image.size) * fraction
        left, top = (image.width - side) / 2, (image.height - side) / 2
        square = image.resize((size, size), resample, box=(left, top, left + side, top + side))
    return np.asarray(square)


def read_square(path: str | Path, transform: Transform) -> np.ndarray:
    """Read a picture's file as the uint8 RGB square that a model takes; raises ImageError."""
    return make_square(read_image(path, transform.max_pixels, transform.min_side), transform)


def _pad_to_square(image: Image.Image, size: int, resample: Image.Resampling) -> Image.Image:
    scale = size / max(image.size)
    inner = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), resample)
    square = Image.new("RGB", (size, size), PADDING_COLOR)
    square.paste(inner, ((size - inner.width) // 2, (size - inner.height) // 2))
    return square


def _decode(file: BinaryIO, head: bytes, name: str, max_pixels: int, min_side: int | None) -> Image.Image:
    try:
        return _decode_once(file, head, name, max_pixels, min_side)
    except ImageError:
        for copy in leaner_copies(file):
            with contextlib.suppress(ImageError):
                return _decode_once(copy, head, name, max_pixels, min_side)
        raise


def _decode_once(file: BinaryIO, head: bytes, name: str, max_pixels: int, min_side: int | None) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, max_pixels)  # GIFs take memory for the first frame when opened
    image = open_image(file, head, name, max_pixels)
    if has_frames(image):
        _note_multi_frame(name)
    image = load_image(image, min_side)
    try:
        return to_rgb(upright(image))
    except Exception as error:
        raise ImageError(f"damaged {image.format} picture: {reason_of(error)}") from error


def _note_multi_frame(name: str) -> None:
    if _multi_frame_note.acquire(blocking=False):
        logger.info("%s has several frames; only the first frame of such files is classified", name)


def _why_not_a_file(path: str | Path) -> str:
    return "is a folder, not a picture" if os.path.isdir(path) else "is not a regular file (a pipe or a device?)"
