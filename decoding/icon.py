"""Icons: the largest of their pictures, by what that says itself and not the list of the icon, which is often wrong."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image
from PIL.IcoImagePlugin import IcoFile

from decoding.limits import check_size
from decoding.png import SIGNATURE

START = b"\0\0\1\0"


def open_icon(file: BinaryIO, max_pixels: int) -> Image.Image:
    """Open the largest picture of an .ico file: a PNG or a bitmap. Raises what Pillow raises."""
    file.seek(0)
    icon = IcoFile(file)
    sizes = list(_sizes(file, icon))
    if not sizes:
        raise ValueError("it holds no picture")
    width, height, index = max(sizes, key=lambda size: size[0] * size[1])
    check_size(width, height, max_pixels)
    entry = icon.entry[index]
    file.seek(entry.offset)
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return icon.frame(index)
    file.seek(entry.offset)
    return Image.open(io.BytesIO(file.read(entry.size)), formats=["PNG"])


def _sizes(file: BinaryIO, icon: IcoFile) -> Iterator[tuple[int, int, int]]:
    """Yield width, height and place of each picture in an icon."""
    for index, entry in enumerate(icon.entry):
        file.seek(entry.offset)
        start = file.read(24)
        if start.startswith(SIGNATURE) and len(start) == 24:
            yield *struct.unpack_from(">II", start, 16), index
        elif len(start) == 24:
            width, height = struct.unpack_from("<ii", start, 4)
            yield abs(width), abs(height) // 2, index  # its mask is below it
