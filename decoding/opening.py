"""From the bytes of a file to a Pillow image with its pixels, of any mode, or the reason why there is none."""

import logging
import threading
from contextlib import ExitStack
from typing import BinaryIO

from PIL import GifImagePlugin, Image

from decoding import bmp, floatmap, icon, jpeg, png, tiff
from decoding.diagnosis import decoder_errors, is_of_a_kind, signature_of, why_not_an_image, why_not_decoded
from decoding.formats import MULTI_FRAME_FORMATS, PILLOW_FORMATS
from decoding.holes import COMPRESSED, check_holes
from decoding.isolated import FULL_SIZE, decoders
from decoding.limits import check_memory, check_size
from decoding.magic import isolated_format
from decoding.memory import decoding_bytes, room_for
from decoding.pnm import is_slow_pnm, load_pnm
from decoding.tiff_directory import Directory
from decoding.tiff_layout import cannot_be_read, read_layout
from errors import ImageError
from settings import MAX_PIXELS

TIFF_BYTES = 8  # a pixel, that samples of many bits take at most
STORED_AS = "stored_as"  # in an image's `info`: its format and its size in the file, which may be decoded at less

logger = logging.getLogger("suite")
_multi_frame_note = threading.Lock()  # taken for good by the first picture that the note is about


def load_picture(file: BinaryIO, name: str, max_pixels: int, min_side: int | None, room: ExitStack) -> Image.Image:
    """Decode a picture into whatever mode it is stored in, not turned yet; its EXIF data and profile stay with it.

    The arguments are those of `preprocess.decode_image`. Large pictures wait until there is room for
    them in memory, and hold it until `room` is closed. Raises ImageError.
    """
    head = file.read(512)
    file.seek(0)
    if format := isolated_format(file, head, name):
        image = decoders.decode(file, format, max_pixels, min_side, room)
        return _noted(image, format, image.info.get(FULL_SIZE, image.size))
    if tiff.is_tiff(head) and (decoded := _load_tiff(file, name, max_pixels, room)):
        return _noted(decoded, "TIFF", decoded.size)
    image = _open(file, head, name, max_pixels)
    with decoder_errors(image.format):
        full_size = image.size
        if min_side and image.format in ("JPEG", "MPO"):
            image.draft(None, (min_side, min_side))
        room.enter_context(room_for(_needed_bytes(image, file, full_size, max_pixels)))
        if image.format in MULTI_FRAME_FORMATS and getattr(image, "is_animated", False):
            _note_multi_frame(name)
        return _noted(_load(image, file), str(image.format), full_size)


def _noted(image: Image.Image, format: str, size: tuple[int, int]) -> Image.Image:
    image.info[STORED_AS] = format, size
    return image


def _load(image: Image.Image, file: BinaryIO) -> Image.Image:
    if image.format in ("JPEG", "MPO"):
        return jpeg.load_jpeg(image, file)
    if is_slow_pnm(image):
        return load_pnm(image, file)
    if image.format == "PNG":
        png.check_sums(file)
    if image.format in COMPRESSED:
        check_holes(file, image.format, image.width * image.height)
    image.load()  # of several frames, the first
    return image


def _load_tiff(file: BinaryIO, name: str, max_pixels: int, room: ExitStack) -> Image.Image | None:
    """Decode a TIFF of a kind that Pillow does not read right, or takes much memory for."""
    with decoder_errors("TIFF"):
        directory = Directory(file)
        check_size(directory.width, directory.height, max_pixels)
        layout = read_layout(directory)
        if tiff.pillow_reads(directory, layout) and not tiff.is_leaner_here(directory, layout):
            file.seek(0)
            return None
        if directory.has_next:
            _note_multi_frame(name)
        room.enter_context(room_for(TIFF_BYTES * directory.width * directory.height))
        return tiff.decode_tiff(file, directory, layout)


def _open(file: BinaryIO, head: bytes, name: str, max_pixels: int) -> Image.Image:
    """Open a picture whose pixels are not read yet."""
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, max_pixels)  # GIFs take memory for the first frame when opened
    try:
        with room_for(max_pixels if head.startswith(b"GIF8") else 0):
            image = _open_any(file, head, name, max_pixels)
            if isinstance(image, GifImagePlugin.GifImageFile):
                image.dispose = None  # that memory, which only a next frame needs
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"its pixels are over the limit of {max_pixels:,}; raise it with --max-pixels") from error
    except Image.UnidentifiedImageError as error:
        raise _why_not_opened(file, head, name) from error
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything for hostile bytes
        raise ImageError(why_not_decoded(signature_of(head), error)) from error
    check_size(image.width, image.height, max_pixels)
    return image


def _open_any(file: BinaryIO, head: bytes, name: str, max_pixels: int) -> Image.Image:
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


def _why_not_opened(file: BinaryIO, head: bytes, name: str) -> ImageError:
    """Say why no decoder of Pillow takes a file; where one knows its signature, by what that one says."""
    format = signature_of(head)
    if tiff.is_tiff(head):
        return cannot_be_read("an unusual combination of tags")
    if format in Image.OPEN:
        try:
            file.seek(0)
            Image.OPEN[format][0](file, "")
        except Exception as error:
            if is_of_a_kind(error):
                return ImageError(why_not_decoded(format, error))
    return ImageError(why_not_an_image(head, name))


def _needed_bytes(image: Image.Image, file: BinaryIO, full_size: tuple[int, int], max_pixels: int) -> int:
    """Return what decoding takes; raises ImageError where an RGB picture at the limit would take less."""
    needed = decoding_bytes(image, file, full_size)
    check_memory(*full_size, needed, str(image.format), max_pixels)
    return needed


def _note_multi_frame(name: str) -> None:
    if _multi_frame_note.acquire(blocking=False):
        logger.info("%s has several frames; only the first frame of such files is classified", name)
