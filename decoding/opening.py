"""From the bytes of a file to a Pillow image with its pixels, of any mode, or the reason why there is none."""

from typing import Any, BinaryIO

from PIL import Image

from decoding import bmp, floatmap, icon, jpeg, png
from decoding.diagnosis import is_of_a_kind, signature_of, why_not_an_image, why_not_decoded
from decoding.formats import MULTI_FRAME_FORMATS, PILLOW_FORMATS
from decoding.holes import COMPRESSED, check_holes
from decoding.limits import check_size
from errors import ImageError


def open_image(file: BinaryIO, head: bytes, name: str, max_pixels: int) -> Image.Image:
    """Open a picture whose pixels are not read yet; raises ImageError."""
    try:
        image = _open(file, head, name, max_pixels)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"its pixels are over the limit of {max_pixels:,}; raise it with --max-pixels") from error
    except Image.UnidentifiedImageError as error:
        raise ImageError(_why_not_opened(file, head, name)) from error
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything for hostile bytes
        raise ImageError(why_not_decoded(signature_of(head), error)) from error
    check_size(image.width, image.height, max_pixels)
    return image


def has_frames(image: Image.Image) -> bool:
    """Return whether an opened picture is the first frame of several; raises ImageError."""
    try:
        return image.format in MULTI_FRAME_FORMATS and getattr(image, "is_animated", False)
    except Exception as error:  # it looks for the second one
        raise ImageError(why_not_decoded(image.format, error)) from error


def load_image(image: Image.Image, min_side: int | None) -> Image.Image:
    """Read the pixels of an opened picture, a JPEG's at a reduced scale of at least `min_side`; raises ImageError."""
    file: Any = getattr(image, "fp", None)  # a picture that is made already has none
    try:
        if image.format in ("JPEG", "MPO"):
            return jpeg.load_jpeg(image, file, min_side)
        if image.format == "PNG":
            png.check_sums(file)
        if image.format in COMPRESSED:
            check_holes(file, image.format, image.width * image.height)
        image.load()  # of several frames, the first
        return image
    except Exception as error:
        raise ImageError(why_not_decoded(image.format, error)) from error


def _open(file: BinaryIO, head: bytes, name: str, max_pixels: int) -> Image.Image:
    if head.startswith(icon.START):
        return icon.open_icon(file, max_pixels)
    if head.startswith(floatmap.START):
        return floatmap.read_float_map(file, max_pixels)
    if head.startswith(bmp.STARTS) and (image := bmp.read_bit_fields(file, max_pixels)):
        return image
    file.seek(0)
    try:
        return Image.open(file, formats=PILLOW_FORMATS)
    except Image.UnidentifiedImageError:
        if not name.lower().endswith(".tga"):  # which has no signature
            raise
        file.seek(0)
        return Image.open(file, formats=("TGA",))


def _why_not_opened(file: BinaryIO, head: bytes, name: str) -> str:
    """Say why no decoder of Pillow takes a file; where one knows its signature, by what that one says."""
    format = signature_of(head)
    if format not in Image.OPEN:
        return why_not_an_image(head, name)
    try:
        file.seek(0)
        Image.OPEN[format][0](file, "")
    except Exception as error:
        return why_not_decoded(format, error) if is_of_a_kind(error) else why_not_an_image(head)
    return why_not_an_image(head)
