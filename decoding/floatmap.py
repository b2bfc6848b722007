"""PFM in colour, of which Pillow reads the grey one only."""

import re
from typing import BinaryIO

import numpy as np
from PIL import Image

from decoding.colors import Upright
from decoding.limits import check_size

START = b"PF"
HEADER = re.compile(rb"PF\s+(\d{1,9})\s+(\d{1,9})\s+(-?)[\d.eE+-]+\s")  # width, height, "-" for little-endian


def read_float_map(file: BinaryIO, max_pixels: int) -> Image.Image:
    """Decode a PFM of three channels into RGB; raises ImageError, and ValueError when it is damaged."""
    file.seek(0)
    header = HEADER.match(file.read(512))
    if not header:
        raise ValueError("its header is broken")
    width, height = int(header[1]), int(header[2])
    check_size(width, height, max_pixels)
    file.seek(header.end())
    data = file.read(12 * width * height)
    if len(data) < 12 * width * height:
        raise ValueError(f"it has {len(data)} of {12 * width * height} bytes")
    values = np.frombuffer(data, "<f4" if header[3] else ">f4").astype(np.float32)
    side_by_side = Image.fromarray(values.reshape(height, 3 * width)[::-1])  # rescaled as one, as grey floats are
    return Image.fromarray(np.asarray(Upright(side_by_side).to_rgb())[..., 0].reshape(height, width, 3))
