"""Raw data of cameras, through LibRaw. Imported by `child.py` only, in a process of its own."""

import io

import rawpy
from PIL import Image, ImageOps

from decoding.readers import Allow
from errors import ImageError

PREVIEW_SIDE = 1000  # pixels of the short side from which on the camera's own JPEG is as good
JPEG_BYTES, HALF_BYTES, BYTES = 7.0, 8.0, 19.0  # about what each pixel takes
MOST_DEVELOPED = 36_000_000  # pixels; of more, four sensors each make one
TURNS = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}  # LibRaw's `flip`


def read(data: bytes, min_side: int | None, allow: Allow) -> Image.Image:
    """Return the camera's own JPEG where it is large enough, and else develop the raw data."""
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return _preview(raw, max(PREVIEW_SIDE, min_side or 0), min_side, allow) or _developed(raw, min_side, allow)
    except rawpy.LibRawFileUnsupportedError as error:
        raise ImageError("is a camera RAW picture of a kind that cannot be read") from error
    except rawpy.LibRawError as error:
        raise ImageError(f"damaged camera RAW picture: {error.args[0].decode()}") from error


def _preview(raw: rawpy.RawPy, least_side: int, min_side: int | None, allow: Allow) -> Image.Image | None:
    try:
        thumbnail = raw.extract_thumb()
        if thumbnail.format != rawpy.ThumbFormat.JPEG:
            return None
        image = Image.open(io.BytesIO(bytes(thumbnail.data)), formats=["JPEG"])
        if min(image.size) < least_side:
            return None
        width, height = image.size
        if min_side:
            image.draft(None, (min_side, min_side))
        allow(width, height, JPEG_BYTES * (image.width * image.height) / (width * height))
        return _upright(image, raw.sizes.flip)
    except (rawpy.LibRawError, OSError, ValueError, SyntaxError):  # the raw data may still be whole
        return None


def _upright(image: Image.Image, flip: int) -> Image.Image:
    """Turn a preview as its own EXIF data say, or the raw file's, unless it stands upright already."""
    if 0x112 in image.getexif():
        return ImageOps.exif_transpose(image)
    is_turned = flip in (5, 6) and image.height > image.width
    return image if is_turned or flip not in TURNS else image.transpose(TURNS[flip])


def _developed(raw: rawpy.RawPy, min_side: int | None, allow: Allow) -> Image.Image:
    """Develop with the camera's white balance, to sRGB; a pixel of four sensors each where that is large enough."""
    width, height = raw.sizes.width, raw.sizes.height
    is_half = width * height > MOST_DEVELOPED or (min_side is not None and min(width, height) // 2 >= min_side)
    allow(width, height, HALF_BYTES if is_half else BYTES)
    pixels = raw.postprocess(use_camera_wb=True, half_size=is_half, output_bps=8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)  # grey, of a camera without colours
