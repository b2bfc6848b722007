"""From any of Pillow's modes to upright 8-bit RGB that looks right."""

import contextlib
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps


def upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF data says."""
    with contextlib.suppress(Exception):  # damaged metadata does not cost the picture
        ImageOps.exif_transpose(image, in_place=True)
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to 8-bit RGB that looks right."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _to_8_bit(image).convert("RGB")
    if image.mode == "LAB":
        return _to_srgb(image, ImageCms.createProfile("LAB"))
    if image.mode == "CMYK" and "icc_profile" in image.info:
        return _cmyk_to_rgb(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Rescale 16-bit integers by their full range, and other integers and floats by their own."""
    values = np.asarray(image).astype(np.float64 if image.mode in ("I", "F") else np.float32)  # those overflow float32
    values[~np.isfinite(values)] = 0
    low, high = values.min(), values.max()
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0, 65535
    elif image.mode == "F" and low >= 0 and high <= 255:
        low, high = 0, (1 if high <= 1 else 255)
    scaled = (values - low) * (255 / ((high - low) or 1))
    return Image.fromarray(np.round(scaled).astype(np.uint8))


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    """Convert through the picture's own colour profile, or plainly when that is unusable."""
    try:
        return _to_srgb(image, ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])))
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # which it would be if it were converted in place
    return converted
