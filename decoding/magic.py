"""Which files Pillow is not to decode: HEIC, JPEG XL and raw data of cameras, by their content."""

import struct
from typing import BinaryIO

from PIL import TiffImagePlugin

from decoding.formats import HEIC, JPEG_XL, RAW, RAW_SUFFIXES

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
JXL_STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")  # RAF, ORF, RW2, MRW, X3F
TIFF_STARTS = (b"II*\0", b"MM\0*")
MAKE, SUB_IFDS, PHOTOMETRIC, DNG_VERSION = 271, 330, 262, 50706  # tags
SENSOR_DATA = (32803, 34892)  # photometric interpretations: a colour filter array, linear raw


def isolated_format(file: BinaryIO, head: bytes, name: str) -> str | None:
    """Return what a file is if it is to be decoded in a process of its own; `head` are its first bytes."""
    if head[4:8] == b"ftyp":
        return _format_of_brands(head)
    if head.startswith(JXL_STARTS):
        return JPEG_XL
    if head.startswith(RAW_STARTS) or head[6:14] == b"HEAPCCDR":
        return RAW
    if head.startswith(TIFF_STARTS):
        is_raw = head[8:10] == b"CR" or name.lower().endswith(RAW_SUFFIXES) or _is_raw_tiff(file, head)
        file.seek(0)
        return RAW if is_raw else None
    return None


def _format_of_brands(head: bytes) -> str | None:
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[start : start + 4] for start in range(16, min(size, len(head)), 4))]
    if brands[0] == b"crx ":
        return RAW
    if any(brand in AVIF_BRANDS for brand in brands) and brands[0] not in HEIF_BRANDS[:8]:
        return None
    return HEIC if any(brand in HEIF_BRANDS for brand in brands) else None


def _is_raw_tiff(file: BinaryIO, head: bytes) -> bool:
    """Return whether a TIFF is a camera's: one that says DNG, or that has a maker and a sensor's data."""
    try:
        first = _tags(file, head, None)
        if DNG_VERSION in first:
            return True
        others = first.get(SUB_IFDS, ())
        directories = [first, *(_tags(file, head, place) for place in others[:8])]
        return MAKE in first and any(tags.get(PHOTOMETRIC) in SENSOR_DATA for tags in directories)
    except Exception:  # whatever Pillow raises for broken tags: then it says so itself
        return False


def _tags(file: BinaryIO, head: bytes, place: int | None) -> TiffImagePlugin.ImageFileDirectory_v2:
    tags = TiffImagePlugin.ImageFileDirectory_v2(head[:8])
    file.seek(struct.unpack_from("<I" if head[:2] == b"II" else ">I", head, 4)[0] if place is None else place)
    tags.load(file)
    return tags
