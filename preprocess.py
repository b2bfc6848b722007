"""From a picture to the uint8 RGB square that a model takes: one path for every model and script.

`decode_image` turns a file of any bytes into upright RGB, `convert_image` a picture that is in memory;
`make_square` makes the square. Each model's own `preprocess_input` is part of its graph (see `networks`).
"""

import contextlib
import io
import logging
import os
import stat
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from errors import ImageError
from settings import MAX_PIXELS
from transforms import Transform

# Formats of photographs. Pillow knows more, but some run other programs (EPS) or have no
# signature, so that any bytes could pass for them (TGA).
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF", "JPEG2000", "DIB", "PCX", "QOI")
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
MULTI_FRAME_FORMATS = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")  # not MPO, one photograph in several sizes or views
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
    _check_size(image, max_pixels)
    try:
        with _decoding[id(image) // 16 % len(_decoding)]:
            copy = image.copy()
        return _to_rgb(_upright(copy))
    except Exception as error:  # its file is read only now, and may hold anything
        raise ImageError(f"damaged {image.format or 'PIL'} picture: {_reason(error)}") from error


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
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, max_pixels)  # GIFs take memory for the first frame when opened
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"its pixels are over the limit of {max_pixels:,}; raise it with --max-pixels") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(_why_not_an_image(head)) from error
    except Exception as error:  # Pillow's decoders raise almost anything for hostile bytes
        raise ImageError(f"damaged picture: {_reason(error)}") from error
    _check_size(image, max_pixels)
    try:
        if image.format in MULTI_FRAME_FORMATS and getattr(image, "is_animated", False):
            _note_multi_frame(name)
            image.seek(0)
        if min_side and image.format in ("JPEG", "MPO"):
            image.draft(None, (min_side, min_side))
        image.load()
        return _to_rgb(_upright(image))
    except Exception as error:
        raise ImageError(f"damaged {image.format} picture: {_reason(error)}") from error


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if not image.width * image.height:
        raise ImageError(f"has no pixels: {image.width} x {image.height}")
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{image.width} x {image.height} pixels are over the limit of {max_pixels:,}; raise it with --max-pixels"
        )


def _upright(image: Image.Image) -> Image.Image:
    with contextlib.suppress(Exception):  # damaged metadata does not cost the picture
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to 8-bit RGB that looks right."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _to_8_bit(image).convert("RGB")
    if image.mode == "LAB":
        return _to_srgb(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK" and "icc_profile" in image.info:
        return _cmyk_to_rgb(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Rescale 16-bit integers by their full range, and other integers and floats by their own."""
    values = np.asarray(image).astype(np.float64 if image.mode in ("I", "F") else np.float32)  # those overflow float32
    values[~np.isfinite(values)] = 0
    low, high = values.min(), values.max()
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0, 65535
    elif image.mode == "F" and low >= 0 and high <= 255:
        low, high = 0, (1 if high <= 1 else 255)
    scaled = (values - low) * (255 / ((high - low) or 1))
    return Image.fromarray(np.round(scaled).astype(np.uint8))


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    """Convert through the picture's own colour profile, or plainly when that is unusable."""
    try:
        return _to_srgb(image, ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])))
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # which it would be if it were converted in place
    return converted


def _note_multi_frame(name: str) -> None:
    if _multi_frame_note.acquire(blocking=False):
        logger.info("%s has several frames; only the first frame of such files is classified", name)


def _why_not_a_file(path: str | Path) -> str:
    return "is a folder, not a picture" if os.path.isdir(path) else "is not a regular file (a pipe or a device?)"


def _why_not_an_image(head: bytes) -> str:
    """Say what a file is that Pillow does not know, from its first bytes."""
    head = head.removeprefix(b"\xef\xbb\xbf")  # the mark of UTF-8 text
    start = head.lstrip().lower()
    if not head:
        return "the file is empty"
    if start.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the picture itself; run `git lfs pull`"
    if start.startswith((b"<!doctype html", b"<html")):
        return "is an HTML page, not a picture (a failed download?)"
    if b"<svg" in start:
        return "is an SVG drawing; convert it to PNG"
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"):
        return "is a HEIC picture, which Pillow cannot read; convert it to JPEG"
    if head.startswith(SIGNATURES) or head[8:12] in (b"WEBP", b"avif"):
        return "damaged picture: it begins like one, but its header is broken"
    if not head.strip(b"\0"):
        return "holds only zero bytes (an interrupted copy?)"
    if _is_text(head):
        return "is a text file, not a picture"
    return "is not a picture in a known format"


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", errors="ignore")  # the last character may be cut
    return len(text.encode()) >= len(head) - 3 and all(c.isprintable() or c.isspace() for c in text)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
