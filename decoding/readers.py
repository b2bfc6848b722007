"""What the decoders in processes of their own share: which one reads what, and how its picture is handed over."""

from collections.abc import Callable, Iterator

from PIL import Image

from decoding.formats import HEIC, JPEG_XL, PACKAGES
from errors import ImageError

STRIP_PIXELS = 2**20  # that are handled at once
FACTORS = (8, 4, 2)  # those of JPEG

Allow = Callable[[int, int, float], None]  # to be called with width, height and the bytes for each pixel, at first
Read = Callable[[bytes, int | None, Allow], Image.Image]


def reader_of(format: str) -> Read:
    """Return the function that decodes a format; raises ImageError when its package is missing."""
    try:
        if format == HEIC:
            from decoding.heif import read
        elif format == JPEG_XL:
            from decoding.jxl import read
        else:
            from decoding.raw import read
    except ModuleNotFoundError as error:
        raise ImageError(f"is a {format} picture; pip install '{PACKAGES[format]}' reads it") from error
    return read


def opaque(image: Image.Image) -> Image.Image:
    """Return a picture in the mode "L" or "RGB"."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode[:-1] + "A")
    if image.mode in ("LA", "RGBA") and image.width * image.height <= STRIP_PIXELS:
        rgba = image.convert("RGBA")
        return _with_profile(Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB"), image)
    from decoding.colors import Upright  # takes NumPy, and a tenth of a second

    return Upright(image).to_rgb()


def strips(image: Image.Image) -> Iterator[bytes]:
    """Yield the bytes of a picture, some rows at a time."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height))).tobytes()


def factor_for(size: tuple[int, int], min_side: int | None) -> int:
    """Return by how much a picture can be made smaller: 8, 4, 2 or 1; its short side keeps `min_side` pixels."""
    return next((factor for factor in FACTORS if min_side and min(size) // factor >= min_side), 1)


def reduced(image: Image.Image, min_side: int | None) -> Image.Image:
    """Make a picture smaller by taking means, while its short side keeps `min_side` pixels."""
    factor = factor_for(image.size, min_side)
    return image if factor == 1 else image.reduce(factor)


def _with_profile(image: Image.Image, original: Image.Image) -> Image.Image:
    image.info = {key: value for key, value in original.info.items() if key == "icc_profile"}
    return image
