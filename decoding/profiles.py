"""Colour profiles (ICC): what makes sRGB of a picture in another colour space, found once for each profile."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

MOST_BYTES = 2**22  # of a profile; those of printers take half a megabyte
SMALL = 2**15  # bytes; those of cameras and programs, of which a folder may have dozens
MOST_KEPT, MOST_LARGE_KEPT = 64, 4
UNSEEN = 8  # levels of 255: a profile that changes no colour by more passes for sRGB (some programs' own is off by 6)
LATTICE = (0, 32, 64, 96, 128, 160, 192, 224, 255)  # of each channel, to see what a profile changes


def find_conversion(profile: Any, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what converts RGB, CMYK or LAB to sRGB; None where there is no need, or the profile cannot be used.

    RGB is converted relative to white, as browsers do and tables such as jpegli's XYB need; what was made for print as
    its profile sees fit (perceptual intent). Threads may use one conversion at the same time.
    """
    if not isinstance(profile, bytes) or not 0 < len(profile) <= MOST_BYTES:
        return None
    return (_find_small if len(profile) <= SMALL else _find_large)(profile, mode)


def _find(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC if mode == "RGB" else ImageCms.Intent.PERCEPTUAL
    try:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        conversion = ImageCms.buildTransform(source, target, mode, "RGB", intent, ImageCms.Flags.NOCACHE)
        return conversion if mode != "RGB" or _is_seen(conversion) else None
    except (ImageCms.PyCMSError, OSError):  # damaged, or of another kind of colours
        return None


def _is_seen(conversion: ImageCms.ImageCmsTransform) -> bool:
    colors = np.stack(np.meshgrid(LATTICE, LATTICE, LATTICE), axis=-1).astype(np.uint8).reshape(len(LATTICE), -1, 3)
    converted = ImageCms.applyTransform(Image.fromarray(colors), conversion)
    return bool(np.abs(np.asarray(converted, int) - colors).max() > UNSEEN)


_find_small = functools.lru_cache(MOST_KEPT)(_find)
_find_large = functools.lru_cache(MOST_LARGE_KEPT)(_find)


@functools.cache
def lab_profile() -> bytes:
    """Return the profile of CIE L*a*b* itself."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
