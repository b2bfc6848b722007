"""BMP whose pixels are bit fields in any order and width, of which Pillow reads the usual ones."""

import struct
from typing import BinaryIO

import numpy as np
from PIL import Image

from decoding.limits import check_size

STARTS = (b"BM", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0")  # a DIB is a BMP without the file's header
BIT_FIELDS, WITH_ALPHA = 3, 6  # kinds of compression: three masks, four


def read_bit_fields(file: BinaryIO, max_pixels: int) -> Image.Image | None:
    """Decode a BMP or DIB of 16 or 32 bits with masks into RGB or RGBA, or return None when it is none.

    Raises ImageError when it has too many pixels, and ValueError when it breaks off.
    """
    file.seek(0)
    data = file.read(14 + 124)
    offset = struct.unpack_from("<I", data, 10)[0] if data[:2] == b"BM" else None
    header = data if offset is None else data[14:]
    if len(header) < 56 or struct.unpack_from("<I", header)[0] < 40:
        return None
    size, width, height, _planes, bits, compression = struct.unpack_from("<IiiHHI", header)
    if compression not in (BIT_FIELDS, WITH_ALPHA) or bits not in (16, 32) or width <= 0:
        return None
    check_size(width, abs(height), max_pixels)
    count = 4 if size >= 56 or compression == WITH_ALPHA else 3
    file.seek(max(size, 40 + 4 * count) if offset is None else offset)
    rows = _read_rows(file, width, abs(height), bits)
    pixels = _unpack(rows if height < 0 else rows[::-1], struct.unpack_from(f"<{count}I", header, 40))
    return Image.fromarray(pixels)


def _read_rows(file: BinaryIO, width: int, height: int, bits: int) -> np.ndarray:
    """Read rows, which are padded to four bytes, as unsigned integers [height, width]."""
    stride = (width * bits // 8 + 3) // 4 * 4
    data = file.read(stride * height)
    if len(data) < stride * height:
        raise ValueError(f"it has {len(data)} of {stride * height} bytes")
    return np.frombuffer(data, f"<u{bits // 8}").reshape(height, -1)[:, :width]


def _unpack(values: np.ndarray, masks: tuple[int, ...]) -> np.ndarray:
    """Return uint8 [H, W, 3], or 4 with alpha: each field rescaled from its own number of bits."""
    channels = masks if len(masks) > 3 and masks[3] else masks[:3]
    pixels = np.zeros((*values.shape, len(channels)), np.uint8)
    for channel, mask in enumerate(channels):
        lowest = mask & -mask
        if lowest:
            field = (values & values.dtype.type(mask & np.iinfo(values.dtype).max)) // values.dtype.type(lowest)
            pixels[..., channel] = np.round(field * (255 / (mask // lowest)))
    return pixels
