"""From a picture to the uint8 RGB square that a model takes: one path for every model and script.

`decode_image` turns a file of any bytes into upright RGB, `convert_image` a picture that is in memory;
`make_square` makes the square. Each model's own `preprocess_input` is part of its graph (see `networks`).
"""

import logging
import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from decoding.colors import to_rgb, upright
from decoding.diagnosis import reason_of, why_not_an_image
from decoding.formats import MULTI_FRAME_FORMATS, PILLOW_FORMATS, split_member
from decoding.isolated import decoders
from decoding.magic import isolated_format
from decoding.tiff import decode_tiff, is_tiff, pillow_reads
from decoding.tiff_directory import Directory
from decoding.tiff_layout import cannot_be_read, read_layout
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
    _check_size(image, max_pixels)
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
    if format := isolated_format(file, head, name):
        return to_rgb(decoders.decode(file, format, max_pixels, min_side))
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, max_pixels)  # GIFs take memory for the first frame when opened
    if is_tiff(head) and (image := _decode_tiff(file, name, max_pixels)):
        return image
    try:
        image = Image.open(file, formats=PILLOW_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"its pixels are over the limit of {max_pixels:,}; raise it with --max-pixels") from error
    except Image.UnidentifiedImageError as error:
        unusual = cannot_be_read("an unusual combination of tags")
        raise (unusual if is_tiff(head) else ImageError(why_not_an_image(head))) from error
    except Exception as error:  # Pillow's decoders raise almost anything for hostile bytes
        raise ImageError(f"damaged picture: {reason_of(error)}") from error
    _check_size(image, max_pixels)
    try:
        if image.format in MULTI_FRAME_FORMATS and getattr(image, "is_animated", False):
            _note_multi_frame(name)
            image.seek(0)
        if min_side and image.format in ("JPEG", "MPO"):
            image.draft(None, (min_side, min_side))
        image.load()
        return to_rgb(upright(image))
    except Exception as error:
        raise ImageError(f"damaged {image.format} picture: {reason_of(error)}") from error


def _decode_tiff(file: BinaryIO, name: str, max_pixels: int) -> Image.Image | None:
    """Decode a TIFF of a kind that Pillow does not read right."""
    try:
        directory = Directory(file)
        _check_size(directory, max_pixels)
        layout = read_layout(directory)
        if pillow_reads(directory, layout):
            file.seek(0)
            return None
        if directory.has_next:
            _note_multi_frame(name)
        return to_rgb(upright(decode_tiff(file, directory, layout)))
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(f"damaged TIFF picture: {reason_of(error)}") from error


def _check_size(image: Image.Image | Directory, max_pixels: int) -> None:
    if not image.width * image.height:
        raise ImageError(f"has no pixels: {image.width} x {image.height}")
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{image.width} x {image.height} pixels are over the limit of {max_pixels:,}; raise it with --max-pixels"
        )


def _note_multi_frame(name: str) -> None:
    if _multi_frame_note.acquire(blocking=False):
        logger.info("%s has several frames; only the first frame of such files is classified", name)


def _why_not_a_file(path: str | Path) -> str:
    return "is a folder, not a picture" if os.path.isdir(path) else "is not a regular file (a pipe or a device?)"
