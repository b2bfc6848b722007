"""JPEG XL, through libjxl. Imported by `child.py` only, in a process of its own."""

import io

from PIL import Image, ImageOps
from pillow_jxl import JpegXLImagePlugin  # makes the format known to Pillow

from decoding.boxes import boxes
from decoding.readers import Allow
from errors import ImageError

RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # of width to height, in a size header
BYTES = 8.0  # about what each pixel takes
SIZE_BITS = (9, 13, 18, 30)

JpegXLImagePlugin.DECODE_THREADS = 2


def read(data: bytes, min_side: int | None, allow: Allow) -> Image.Image:
    """Decode a picture, turned as its codestream says, or its EXIF data when it is a JPEG that was packed."""
    allow(*size_of(data), BYTES)
    try:
        image = Image.open(io.BytesIO(data), formats=["JXL"])
        image.load()
        vars(image).update(_data=b"", fc=b"")  # the plugin keeps the pixels once more
    except RuntimeError as error:  # whose text speaks of building libjxl
        raise ImageError("damaged JPEG XL picture: libjxl refuses it; the file may be truncated") from error
    return ImageOps.exif_transpose(image) if getattr(image, "jpeg", False) else image


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height from the codestream's header (ISO/IEC 18181-1, 9.2), before anything is decoded."""
    stream = data if data.startswith(b"\xff\x0a") else _codestream(data)
    bits = int.from_bytes(stream[2:16], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & (1 << count) - 1, bits >> count
        return value

    is_small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if is_small else take(SIZE_BITS[take(2)]) + 1

    height = side()
    ratio = take(3)
    width = height * RATIOS[ratio - 1][0] // RATIOS[ratio - 1][1] if ratio else side()
    return width, height


def _codestream(data: bytes) -> bytes:
    for box in boxes(data):
        if box.type in (b"jxlc", b"jxlp"):
            start = box.start + (4 if box.type == b"jxlp" else 0)  # the number of the part
            return data[start : start + 16]
    raise ImageError("damaged JPEG XL picture: the file is truncated, or holds no picture")
