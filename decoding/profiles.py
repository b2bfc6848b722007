"""Colour profiles (ICC): what makes sRGB of a picture in another colour space, found once for each profile."""

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

MOST_BYTES = 2**22  # of a profile; those of printers take half a megabyte
MOST_KEPT = 8
UNSEEN = 8  # levels of 255: a profile that changes no colour by more passes for sRGB (some programs' own is off by 6)
LATTICE = (0, 32, 64, 96, 128, 160, 192, 224, 255)  # of each channel, to see what a profile changes


def find_conversion(profile: Any, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what converts RGB, CMYK or LAB to sRGB; None where there is no need, or the profile cannot be used.

    RGB is converted relative to white, as browsers do and tables such as jpegli's XYB need; what was made for print as
    its profile sees fit (perceptual intent). Threads may use one conversion at the same time.
    """
    return _find(profile, mode) if isinstance(profile, bytes) and 0 < len(profile) <= MOST_BYTES else None


@functools.lru_cache(MOST_KEPT)
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


@functools.cache
def lab_profile() -> bytes:
    """Return the profile of CIE L*a*b* itself."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
