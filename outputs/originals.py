"""Pictures as they came, to be copied: files, and what becomes one, such as a frame of a video."""

import filecmp
import io
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from PIL import Image

from decoding.formats import IMAGE_SUFFIXES, PILLOW_FORMATS
from errors import ImageError
from outputs.places import file_name

if TYPE_CHECKING:
    from sources.frames import Frame

QUALITY = 95  # of the JPEG that is made of pixels
SUFFIXES = {"JPEG": ".jpg", "JPEG2000": ".jp2"}  # of formats that are not called as their files


class Original(NamedTuple):
    """A picture's file."""

    name: str  # without folders
    source: str  # what the picture is called
    data: bytes | None  # what is in the file; None where `source` is its path

    def copy_to(self, path: Path) -> None:
        """Write the file; raises OSError."""
        if self.data is None:
            shutil.copy2(self.source, path)
        else:
            path.write_bytes(self.data)

    def is_copied_to(self, path: Path) -> bool:
        """Return whether a file has the same content; raises OSError."""
        if not path.is_file():
            return False
        return filecmp.cmp(self.source, path, shallow=False) if self.data is None else path.read_bytes() == self.data


def original_of(frame: "Frame") -> Original:
    """Return a picture's own file, or one of the picture that the frame has kept.

    Bytes stay as they are, and pixels become a JPEG. The name is the picture's own, made safe for any system, with
    an extension that says what is in it. Raises ImageError for pixels that no JPEG can hold.
    """
    if frame.is_file:
        return Original(os.path.basename(frame.source), frame.source, None)
    is_file_in_memory = isinstance(frame.picture, (bytes, bytearray, memoryview))
    data = bytes(frame.picture) if is_file_in_memory else _encode(frame.picture)
    path = unquote(urlsplit(frame.source).path) if "://" in frame.source else frame.source
    stem, suffix = os.path.splitext(os.path.basename(path))
    if not is_file_in_memory or suffix.lower() not in IMAGE_SUFFIXES:
        stem, suffix = stem + suffix, _suffix_of(data)
    return Original(file_name(stem) + suffix, frame.source, data)


def _encode(picture: Any) -> bytes:
    from sources.pictures import open_picture

    file = io.BytesIO()
    image = open_picture(picture)
    try:
        image.save(file, "JPEG", quality=QUALITY)
    except (OSError, ValueError) as error:
        raise ImageError(f"{image.width} x {image.height} pixels cannot be saved as JPEG: {error}") from error
    return file.getvalue()


def _suffix_of(data: bytes) -> str:
    try:
        with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
            return SUFFIXES.get(image.format or "", f".{(image.format or '').lower()}")
    except Exception:  # of a format that others decode: its name stays as it is
        return ""
