"""TIFFs of the kinds that Pillow does not read, or reads wrong: any bits, floats, planes, palettes and alpha.

Pillow undoes compressions (`tiff_samples`); what bytes mean is told here, from the tags alone.
"""

from typing import BinaryIO

import numpy as np
from PIL import Image

from decoding import tiff_directory as tags
from decoding.tiff_colors import color_converter, mode_of
from decoding.tiff_directory import SIGNATURES, Directory
from decoding.tiff_layout import (
    CCITT,
    CIELAB,
    CMYK,
    COLORS,
    DEFLATE,
    JPEG,
    LIBTIFF,
    MIN_IS_BLACK,
    MIN_IS_WHITE,
    PALETTE,
    RGB,
    THUNDERSCAN,
    UNCOMPRESSED,
    YCBCR,
    Layout,
    check_readable,
    in_blocks,
)
from decoding.tiff_samples import MOST_BYTES, read_samples

MOST_PROFILE_BYTES = 1 << 24
MANY_PIXELS, MUCH = 1 << 24, 1 << 26  # the latter in bytes
MOST_COLORS = 3 << 16  # of a colour map
PILLOW_COMPRESSIONS = (UNCOMPRESSED, *CCITT, *JPEG, THUNDERSCAN, *DEFLATE, *LIBTIFF)
PILLOW_KINDS = {(p, bits) for p in (MIN_IS_WHITE, MIN_IS_BLACK, PALETTE) for bits in (1, 2, 4, 8)}
PILLOW_KINDS |= {(MIN_IS_BLACK, 16), (RGB, 8), (RGB, 16), (CMYK, 8), (CMYK, 16), (YCBCR, 8), (CIELAB, 8)}


def is_tiff(head: bytes) -> bool:
    """Tell a TIFF or BigTIFF by its first bytes."""
    return head[:4] in SIGNATURES


def pillow_reads(directory: Directory, layout: Layout) -> bool:
    """Tell whether Pillow reads such a TIFF right; the tests compare every kind."""
    extra = layout.samples - COLORS[layout.photometric]
    if layout.kind != "u" or layout.compression not in PILLOW_COMPRESSIONS:
        return False
    if layout.compression in JPEG:
        return layout.bits == 8 and extra in (0, 1)
    if (layout.photometric, layout.bits) not in PILLOW_KINDS or (extra and layout.photometric != RGB):
        return False
    if layout.photometric == PALETTE:
        return bool(
            directory.get_array(tags.COLOR_MAP, MOST_COLORS).max(initial=0) > 255
        )  # Pillow takes the upper bits
    if layout.photometric == YCBCR:
        return layout.compression != UNCOMPRESSED  # which may be subsampled
    if directory.get(tags.PLANAR_CONFIGURATION, 1)[0] == 2 and layout.compression not in CCITT:
        return layout.bits == 8 and layout.photometric != CIELAB and not extra
    return not extra or (extra == 1 and not layout.associated)


def is_leaner_here(directory: Directory, layout: Layout) -> bool:
    """Tell whether a large picture takes less memory here than in Pillow.

    That one turns a copy, maps the files of compressed pictures, and decompresses strips and tiles as a whole.
    """
    piece = layout.row_bytes * layout.tile[1]
    is_turned = directory.get(tags.ORIENTATION, 1)[0] != 1
    is_heavy = layout.compression != UNCOMPRESSED and max(piece, directory.file_size) > MUCH
    is_read_here = (
        layout.bits in (8, 16)
        and layout.photometric != YCBCR
        and (layout.compression in (UNCOMPRESSED, *DEFLATE) or (layout.compression in LIBTIFF and piece <= MOST_BYTES))
    )
    return layout.width * layout.height > MANY_PIXELS and is_read_here and (is_turned or is_heavy)


def decode_tiff(file: BinaryIO, directory: Directory, layout: Layout) -> Image.Image:
    """Decode the pixels as stored to a picture of the mode L, RGB, CMYK, LAB or YCbCr, over white.

    Raises ImageError for a kind that cannot be read; for damaged files, DamagedTiff and what the decoders raise.
    """
    across, down = directory.get_pair(tags.YCBCR_SUBSAMPLING, 2) if layout.photometric == YCBCR else (1, 1)
    stored = in_blocks(layout, across, down) if (across, down) != (1, 1) else layout
    check_readable(stored)
    convert, mode = color_converter(file, directory, layout), mode_of(layout)
    image = Image.new(mode, (layout.width, layout.height))
    for x, y, samples in read_samples(file, stored):
        pixels = convert(_pixels_of_blocks(samples, across, down))
        image.paste(Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes()), (x * across, y * down))
    image.getexif()[tags.ORIENTATION] = directory.get(tags.ORIENTATION, 1)[0]
    if tags.ICC_PROFILE in directory.entries:
        image.info["icc_profile"] = directory.get_array(tags.ICC_PROFILE, MOST_PROFILE_BYTES).tobytes()
    return image


def _pixels_of_blocks(samples: np.ndarray, across: int, down: int) -> np.ndarray:
    """Turn blocks [rows, columns, Y's and Cb and Cr] into pixels [rows, columns, 3]; see `in_blocks`."""
    if across == down == 1:
        return samples
    rows, columns = len(samples) * down, samples.shape[1] * across
    luma = samples[..., :-2].reshape(len(samples), -1, down, across).swapaxes(1, 2).reshape(rows, columns, 1)
    return np.concatenate([luma, samples[..., -2:].repeat(down, 0).repeat(across, 1)], axis=-1)
