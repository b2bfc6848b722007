"""From a picture as it was found to what the index takes of it: the model's square, a small copy, and facts."""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

from decoding.colors import ASIDE, Upright, orientation_of, thinned
from decoding.opening import STORED_AS
from errors import ImageError
from preprocess import make_square, open_file
from similarity.picture import Place, place_of
from similarity.small import SIDE, small_copy
from sources.frames import Frame, refuse_no_file
from sources.named import Kind, kind_of
from sources.pictures import BYTES, Given, open_picture, open_with, read_bytes, source_of
from transforms import Transform

NOWHERE = Place("", False)
LATEST = 2**63 - 1  # ns, the year 2262; SQLite keeps no larger numbers
MOST_IN_MEMORY = 2**26  # bytes of a file; a larger one is read twice, for its hash and for its pixels


@dataclass(frozen=True)
class Seen(Frame):
    """A picture that was read, or that needs not be: `square` is None then, without an error."""

    place: Place = NOWHERE
    size: int = 0
    mtime_ns: int = 0
    sha256: bytes = b""  # b"" when the content could not be read
    width: int = 0
    height: int = 0
    format: str = ""
    small: np.ndarray | None = None  # uint8 [SMALL]
    is_known: bool = False  # its error is from an earlier run


def stamp_of(item: str | Given) -> tuple[int, int] | None:
    """Return the size and the time of a file, which tell whether it is still the same; None for what is no file."""
    if isinstance(item, Given) or kind_of(item) is not Kind.PATH:
        return None
    try:
        status = os.stat(item)
    except (OSError, ValueError):
        return None
    return status.st_size, min(status.st_mtime_ns, LATEST)


def read_new(item: str | Given, is_known: Callable[[bytes], object], transform: Transform) -> Seen:
    """Read a picture, and decode it, once for all that the index takes of it, unless `is_known` knows its SHA-256.

    Errors go into the Seen.
    """
    source = source_of(item)
    seen = Seen(source, place=place_of(source), is_file=not isinstance(item, Given))
    _size, mtime_ns = stamp_of(item) or (0, 0)  # before it is read: who changes it meanwhile has it read again
    try:
        digest, picture, size = _hash_given(item.picture) if isinstance(item, Given) else _hash_file(item)
        seen = replace(seen, size=size, mtime_ns=mtime_ns, sha256=digest)
        if is_known(digest):
            return seen
        take = partial(_taken, transform=transform)
        square, small, (width, height), format = open_with(take, picture, source, transform)
    except ImageError as error:
        return replace(seen, error=str(error))
    return replace(seen, square=square, small=small, width=width, height=height, format=format)


def _taken(image: Image.Image, transform: Transform) -> tuple[np.ndarray, np.ndarray, tuple[int, int], str]:
    """Return the model's square, the small copy uint8 [SMALL], the upright size and the format."""
    format, size = image.info.get(STORED_AS) or (image.format or "", image.size)
    if orientation_of(image) in ASIDE:
        size = size[::-1]
    whole = Upright(thinned(image)).resized((SIDE, SIDE), Image.Resampling.BILINEAR)
    return make_square(image, transform), small_copy(whole), size, format.lower()


def _hash_file(path: str) -> tuple[bytes, Any, int]:
    refuse_no_file(path)
    with open_file(path) as file:
        return _hash_open(file, path)


def _hash_open(file: BinaryIO, path: str) -> tuple[bytes, Any, int]:
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size > MOST_IN_MEMORY:
            return hashlib.file_digest(cast(io.BufferedReader, file), "sha256").digest(), path, size
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    data = read_bytes(file)
    return hashlib.sha256(data).digest(), data, len(data)


def _hash_given(picture: Any) -> tuple[bytes, Any, int]:
    if isinstance(picture, ImageError):
        raise picture
    if hasattr(picture, "read"):
        picture = read_bytes(picture)
    if not isinstance(picture, (*BYTES, np.ndarray, Image.Image)):  # a row of a data set, a tensor, or no picture
        picture = open_picture(picture)
    if isinstance(picture, np.ndarray):  # a frame of a video
        data = repr((picture.shape, picture.dtype)).encode() + np.ascontiguousarray(picture).tobytes()
        return hashlib.sha256(data).digest(), picture, picture.nbytes
    if isinstance(picture, Image.Image):
        file = io.BytesIO()
        picture.save(file, "TIFF")
        return hashlib.sha256(file.getvalue()).digest(), picture, len(file.getvalue())
    return hashlib.sha256(picture).digest(), picture, len(picture)
