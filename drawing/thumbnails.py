"""Small copies of pictures, in the colours that `preprocess.read_image` gives every model."""

import base64
import io
from typing import Any

from PIL import Image

from sources.pictures import open_picture

SIDE = 240  # pixels, of the longer side: twice what a phone shows in a gallery
QUALITY = 82  # of the JPEG


def thumbnail(picture: Any, max_pixels: int, side: int = SIDE, name: str = "") -> bytes:
    """Return a small JPEG of a path, or of anything else that `open_picture` takes; raises ImageError."""
    return to_jpeg(shrink(picture, max_pixels, side, name))


def shrink(picture: Any, max_pixels: int, side: int = SIDE, name: str = "") -> Image.Image:
    """Return a small copy, whose longer side has at most `side` pixels; raises ImageError."""
    image = open_picture(picture, name, max_pixels, side)
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    return image


def to_jpeg(image: Image.Image, quality: int = QUALITY) -> bytes:
    """Return a small copy as a JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def decode(data: bytes) -> Image.Image:
    """Return the picture in a thumbnail."""
    return Image.open(io.BytesIO(data))


def data_uri(data: bytes, kind: str = "image/jpeg") -> str:
    """Return a file's content as an address that holds it whole, for a page that needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
