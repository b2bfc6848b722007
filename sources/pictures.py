"""Pictures as programs hold them: Pillow images, arrays, bytes and open files, beside paths.

`find_pictures` makes one stream of all that is given; `open_picture` decodes any of it.
"""

import io
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from decoding.formats import split_member
from errors import ImageError, UsageError, first_line
from preprocess import Made, convert_image, convert_with, decode_image, decode_with, make_square, open_file
from settings import MAX_PIXELS
from sources.named import FILES, Kind, kind_of, shown
from sources.paths import PathName, Search, find_images, is_pattern
from transforms import Transform

KINDS = "a path, a PIL image, a uint8 array, bytes, an open binary file, or an iterable of these"
BYTES = (bytes, bytearray, memoryview)
WHOLE = (Kind.ARCHIVE, Kind.VIDEO, Kind.WEB_ARCHIVE)  # that hold several; and archives among what is Kind.STORED
CHANNELS = (1, 3, 4)  # of an array: grey, RGB, RGBA


class Given(NamedTuple):
    """A picture that is no path, with the name that its Result has."""

    source: str
    picture: Any
    is_live: bool = False  # it shows what is now, and is answered before the next one is taken


def source_of(item: str | Given) -> str:
    """Return what a picture is called: its path, or the name of a Given."""
    return item.source if isinstance(item, Given) else item


def find_pictures(
    pictures: Any, search: Search = Search(), left_out: Counter[str] | None = None, whole: bool = False
) -> Iterator[str | Given]:
    """Yield the path of every picture that `pictures` names (see `find_images`), and those that are no paths as Given.

    A Given is called as its file is, or by its kind and its place among the pictures given, from 0: "array[2]".
    What is no picture at all becomes a Given, too, so that it is reported in its place. Files in folders that are
    no pictures are counted in `left_out`, by extension. With `whole`, archives and videos are not looked into: they
    become a Given, too, which is called as they are, passwords included, and whose picture is their Kind.
    """
    is_several = not isinstance(pictures, PathName) and _is_iterable(pictures)
    finder = _Finder(search, Counter() if left_out is None else left_out, whole)
    return finder.find(pictures if is_several else [pictures], are_patterns=True)


class _Finder:
    def __init__(self, search: Search, left_out: Counter[str], whole: bool) -> None:
        self._search = search
        self._whole = whole
        self._left_out = left_out
        self._places = count()

    def find(self, pictures: Iterable[Any], are_patterns: bool) -> Iterator[str | Given]:
        """Yield the pictures of a list; in a list that is in another one, a path is never a pattern."""
        for given in pictures:
            if isinstance(given, PathName):
                next(self._places)
                yield from self._find_named(os.fspath(given), are_patterns)
            elif _is_iterable(given):
                yield from self.find(given, are_patterns=False)
            else:
                yield _named(given, next(self._places))

    def _find_named(self, name: str, may_match: bool) -> Iterator[str | Given]:
        kind = kind_of(name)
        if kind is Kind.STORED:
            from sources.stored import find_stored

            yield from find_stored(name, self._search, self._left_out, may_match, self._whole)
            return
        if kind not in FILES or (kind is not Kind.PATH and not (may_match and is_pattern(name))):
            yield from self._find_in(kind, name)
            return
        for path in find_images([name if may_match else [name]], self._search, self._left_out):
            kind = Kind.PATH if path == name else kind_of(path)
            if kind in (Kind.VIDEO, Kind.ARCHIVE):  # that --video takes, or a pattern that ends as it does
                yield from self._find_in(kind, path)
            else:
                yield path

    def _find_in(self, kind: Kind, name: str) -> Iterator[str | Given]:
        if not self._whole or kind not in WHOLE or split_member(name)[1]:
            return find_in(kind, name, self._search, self._left_out)
        from sources.shards import expand

        return (Given(each, kind) for each in (expand(name) if kind is Kind.WEB_ARCHIVE else [name]))


def find_in(kind: Kind, name: str, search: Search, left_out: Counter[str]) -> Iterator[str | Given]:
    """Yield the pictures in what is no picture file itself, in order; count what else is there in `left_out`."""
    if kind is Kind.ARCHIVE:
        from sources.archives import find_members

        yield from find_members(name, search, left_out)
        return
    if kind in (Kind.VIDEO, Kind.STREAM):
        from sources.video import find_frames, find_stream_frames

        yield from find_frames(name, search) if kind is Kind.VIDEO else find_stream_frames(name, search)
        return
    if kind is Kind.CAMERA:
        from sources.camera import watch

        yield from watch(name, search)
        return
    if kind is Kind.URL:
        if not search.leaves_out_named(name):
            yield named_picture(name, search)
        return
    if kind is Kind.WEB_ARCHIVE:
        from sources.web_archives import find_in_web_archives

        yield from find_in_web_archives(name, search, left_out)
        return
    if kind is Kind.OTHER_URL:
        yield Given(
            shown(name),
            ImageError("is no http:// or https:// URL, and in no object store; download it, or give a file's path"),
        )
        return
    yield Given(shown(name), ImageError(f"is {kind.value}, which cannot be read"))


def named_picture(name: str, search: Search = Search()) -> str | Given:
    """Return the one picture that a path or a URL names."""
    if kind_of(name) is Kind.STORED:
        from sources.stored import picture_in_store

        return picture_in_store(name, search)
    if kind_of(name) is not Kind.URL:
        return name
    from sources.web import picture_at

    return picture_at(name, search)


def _is_iterable(given: Any) -> bool:
    """Return whether this is several pictures, and not one."""
    if isinstance(given, np.ndarray):
        return given.ndim == 4  # [N, H, W, C]
    is_one = isinstance(given, (Image.Image, Mapping, *BYTES)) or hasattr(given, "read")
    is_tensor = hasattr(given, "__array__") and getattr(given, "ndim", 1) != 1  # one of pandas' columns is a list
    return isinstance(given, Iterable) and not (is_one or is_tensor)


def _named(given: Any, place: int) -> Given:
    name = getattr(given, "filename" if isinstance(given, Image.Image) else "name", None)  # of an open file
    return Given(os.fspath(name) if isinstance(name, PathName) and name else f"{_kind(given)}[{place}]", given)


def _kind(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return "array"
    if isinstance(given, Image.Image):
        return "image"
    if isinstance(given, BYTES):
        return "bytes"
    return "file" if hasattr(given, "read") else type(given).__name__


def open_picture(
    picture: Any, name: str = "", max_pixels: int = MAX_PIXELS, min_side: int | None = None
) -> Image.Image:
    """Return any picture as upright 8-bit RGB; arguments as in `preprocess.decode_image`. Raises ImageError."""
    opened = _opened(picture)
    if isinstance(opened, Image.Image):
        return convert_image(opened, max_pixels)
    with opened:
        return decode_image(opened, _path_or(name, picture), max_pixels, min_side)


def open_square(picture: Any, name: str, transform: Transform) -> np.ndarray:
    """Return any picture as the uint8 RGB square [size, size, 3] that a model takes; raises ImageError."""
    return open_with(partial(make_square, transform=transform), picture, name, transform)


def open_with(make: Callable[[Image.Image], Made], picture: Any, name: str, transform: Transform) -> Made:
    """Return what `make` makes of any picture, as `preprocess.decode_with` does; raises ImageError."""
    opened = _opened(picture)
    if isinstance(opened, Image.Image):
        return convert_with(make, opened, transform)
    with opened:
        return decode_with(make, opened, _path_or(name, picture), transform)


def _path_or(name: str, picture: Any) -> str:
    """Return the path of a picture, whose extension may tell what it is, or the name of one that has none."""
    return os.fspath(picture) if isinstance(picture, PathName) else name


def _opened(picture: Any) -> BinaryIO | Image.Image:
    if isinstance(picture, PathName):
        return open_file(os.fspath(picture))
    if isinstance(picture, BYTES):
        return io.BytesIO(_from_buffer(picture))
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, ImageError):  # what is wrong in the place of the picture
        raise picture
    if hasattr(picture, "read"):
        return io.BytesIO(read_bytes(picture))
    raise ImageError(f"{type(picture).__name__} is no picture; give {KINDS}")


def nbytes(picture: Any) -> int:
    """Return how much memory a picture takes, as far as that is known before it is read."""
    if isinstance(picture, Image.Image):
        return 3 * picture.width * picture.height
    if isinstance(picture, np.ndarray):
        return picture.nbytes
    if isinstance(picture, (bytes, bytearray)):
        return len(picture)
    return getattr(picture, "nbytes", 0) if hasattr(picture, "read") else 0  # of a file in an archive


def read_bytes(file: Any) -> bytes:
    """Return what is left in an open file; raises ImageError when that is not bytes."""
    if isinstance(file, io.TextIOBase):
        raise ImageError("the file is open as text; open it with mode 'rb'")
    try:
        data = file.read()
    except (ImageError, UsageError):  # of a download
        raise
    except Exception as error:  # closed, opened for writing, a download that broke off: each kind has its own
        raise ImageError(f"the file cannot be read: {first_line(error)}") from error
    if not isinstance(data, bytes):
        raise ImageError(f"the file gives {type(data).__name__}, not bytes")
    return data


def _from_buffer(data: bytes | bytearray | memoryview) -> bytes:
    try:
        return bytes(data)
    except ValueError as error:  # a memoryview that was released
        raise ImageError(f"the bytes cannot be read: {error}") from error


def _from_array(array: np.ndarray) -> Image.Image:
    """Make an image of uint8 [H, W], [H, W, 1], [H, W, 3] (RGB) or [H, W, 4] (RGBA)."""
    if array.dtype != np.uint8:
        raise ImageError(f"the array has numbers of type {array.dtype}; give uint8, from 0 to 255")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in CHANNELS) or not array.size:
        shape = ", ".join(map(str, array.shape))
        raise ImageError(f"the array has the shape [{shape}]; give [H, W], [H, W, 1], [H, W, 3] (RGB) or [H, W, 4]")
    return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)
