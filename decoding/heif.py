"""HEIC and other HEIF pictures, through libheif. Imported by `child.py` only, in a process of its own."""

import io
import re
import struct
from typing import Any

import pillow_heif
from PIL import Image

from decoding.boxes import find_box, items
from decoding.diagnosis import reason_of
from decoding.formats import PACKAGES
from decoding.readers import Allow, factor_for
from errors import ImageError

SAFE_VERSIONS = {"libheif": (1, 23, 4), "libde265": (1, 1, 3)}  # without the faults published in August 2026
NAL_TYPES = (b"hvc1", b"avc1")  # items of video coding's units, in which no three zero bytes follow each other
ZEROS = bytes(16)  # more than the lengths between units can bring
BYTES, HDR_BYTES = 6.5, 16.0  # about what each pixel takes
HDR_TRANSFERS = (16, 18)  # PQ and HLG, of ISO/IEC 23091-2

pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
pillow_heif.options.DECODE_THREADS = 2


def read(data: bytes, min_side: int | None, allow: Allow) -> Image.Image:
    """Decode the primary picture, turned and mirrored as the file says; EXIF's orientation does not count in HEIF."""
    check_versions(loaded_versions())
    check_whole(data)
    try:
        return _read_primary(data, min_side, allow)
    except SyntaxError as error:  # so pillow-heif calls what libheif does not support
        raise ImageError(f"is a HEIC picture of a kind that cannot be read: {reason_of(error)}") from error


def _read_primary(data: bytes, min_side: int | None, allow: Allow) -> Image.Image:
    heif_file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    picture = heif_file[heif_file.primary_index]
    profile: dict[str, Any] = picture.info.get("nclx_profile") or {}  # type: ignore[assignment]
    if profile.get("transfer_characteristics") in HDR_TRANSFERS:
        allow(*picture.size, HDR_BYTES)
        return _read_hdr(data, profile, min_side)
    allow(*picture.size, BYTES)
    image = _image_of(picture)
    image.info = {"icc_profile": picture.info.get("icc_profile")}
    return image


def loaded_versions() -> dict[str, str]:
    """Return the versions of the libraries that decode."""
    info = pillow_heif.libheif_info()
    return {"libheif": info["libheif"], "libde265": info["decoders"].get("libde265", "")}


def check_versions(versions: dict[str, str]) -> None:
    """Raise ImageError when a library has memory-safety faults that are known; one that is not there is fine."""
    for name, version in versions.items():
        numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
        safe = SAFE_VERSIONS[name]
        if numbers and tuple(map(int, numbers.groups())) < safe:
            raise ImageError(
                f"{name} {numbers[0]} is installed, which hostile pictures can make run code (fixed in "
                f"{'.'.join(map(str, safe))}); pip install --upgrade '{PACKAGES['HEIC']}'"
            )


def check_whole(data: bytes) -> None:
    """Raise ImageError when bytes of a picture are missing, or are zeros of an interrupted copy."""
    if not find_box(data, b"meta"):
        if find_box(data, b"moov"):
            raise ImageError("is a HEIF sequence without a still picture, which cannot be read")
        raise ImageError("damaged HEIC picture: the file is truncated, or has no list of its pictures")
    try:
        parts = [(item.type, start, end) for item in items(data) for start, end in item.extents]
    except (struct.error, IndexError, EOFError) as error:
        raise ImageError("damaged HEIC picture: the list of its pictures is broken") from error
    missing = max((end for _type, _start, end in parts), default=0) - len(data)
    if missing > 0:
        raise ImageError(f"damaged HEIC picture: {missing:,} bytes are missing at its end")
    if any(kind in NAL_TYPES and data.find(ZEROS, start, end) >= 0 for kind, start, end in parts):
        raise ImageError("damaged HEIC picture: parts of it are zeros (an interrupted copy?)")


def _image_of(picture: pillow_heif.HeifImage) -> Image.Image:
    if picture.mode.endswith(";16"):  # grey ones stay as deep as they are; the upper byte is enough
        data = bytes(picture.data)[1::2]
        return Image.frombytes({"I": "L"}.get(picture.mode[:-3], picture.mode[:-3]), picture.size, data)
    picture.load()
    return Image.frombytes(picture.mode, picture.size, picture.data, "raw", picture.mode, picture.stride)


def _read_hdr(data: bytes, profile: dict[str, Any], min_side: int | None) -> Image.Image:
    import numpy as np

    from decoding.hdr import to_sdr

    heif_file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    values = np.asarray(heif_file[heif_file.primary_index])
    if values.ndim != 3 or values.dtype != np.uint16:  # 8 bits hold no such picture
        return _image_of(heif_file[heif_file.primary_index])
    size = (values.shape[1], values.shape[0])
    is_pq, is_wide = profile["transfer_characteristics"] == 16, profile.get("color_primaries") == 9
    return Image.fromarray(to_sdr(values[..., :3], is_pq, is_wide, factor_for(size, min_side)))
