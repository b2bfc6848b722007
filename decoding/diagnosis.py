"""What is wrong with a file that cannot be read as a picture."""

import contextlib
import re
from collections.abc import Iterator

from errors import ImageError

ARCHIVES = (b"PK\3\4", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"Rar!", b"7z\xbc\xaf")
VIDEOS = (b"\x1aE\xdf\xa3", b"FLV", b"\0\0\1\xba")  # Matroska and WebM, Flash, MPEG
SIGNATURES = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF",
    b"\xff\x4f\xff\x51": "JPEG2000", b"\0\0\0\x0cjP  ": "JPEG2000", b"8BPS": "PSD", b"qoif": "QOI", b"\0\0\1\0": "ICO",
    b"PF": "PFM",
}  # fmt: skip
NOT_KNOWN = re.compile("unsupported|not supported|not implemented|cannot handle|unknown|unable to determine", re.I)


def signature_of(head: bytes) -> str | None:
    """Return the format that a file begins like, as Pillow calls it."""
    if head[8:12] in (b"WEBP", b"avif"):
        return head[8:12].decode().upper()
    return next((format for signature, format in SIGNATURES.items() if head.startswith(signature)), None)


def is_of_a_kind(error: Exception) -> bool:
    """Return whether a decoder says that it does not know such pictures, rather than that this one is damaged."""
    return isinstance(error, (KeyError, NotImplementedError)) or bool(NOT_KNOWN.search(str(error)))


def why_not_decoded(format: str | None, error: Exception) -> str:
    """Say what is wrong with a picture of a format that the decoder failed at."""
    if format and is_of_a_kind(error):
        return f"is a picture in {format} of a kind that cannot be read: {reason_of(error)}"
    return f"damaged {format} picture: {reason_of(error)}" if format else f"damaged picture: {reason_of(error)}"


@contextlib.contextmanager
def decoder_errors(format: str | None) -> Iterator[None]:
    """Turn whatever a decoder of a format raises into an ImageError."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(why_not_decoded(format, error)) from error


def why_not_an_image(head: bytes, name: str = "") -> str:
    """Say what a file is that is read by no decoder, from its first bytes and its name."""
    head = head.removeprefix(b"\xef\xbb\xbf")  # the mark of UTF-8 text
    start = head.lstrip().lower()
    if not head:
        return "the file is empty"
    if start.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the picture itself; run `git lfs pull`"
    if start.startswith((b"<!doctype html", b"<html")):
        return "is an HTML page, not a picture (a failed download?)"
    if b"<svg" in start or b"<!doctype svg" in start or name.lower().endswith((".svg", ".svgz")):
        return "is an SVG drawing; convert it to PNG"
    if signature_of(head):
        return "damaged picture: it begins like one, but its header is broken"
    if not head.strip(b"\0"):
        return "holds only zero bytes (an interrupted copy?)"
    if head.startswith(ARCHIVES):
        return "is an archive, not a picture; a name that ends in .zip or .tar says so"
    if head.startswith(VIDEOS) or head[4:8] == b"ftyp" or head[8:12] == b"AVI ":
        return "is a video, not a picture; a name that ends in .mp4 or the like says so"
    if _is_text(head):
        return "is a text file, not a picture"
    return "is not a picture in a known format"


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", errors="ignore")  # the last character may be cut
    return len(text.encode()) >= len(head) - 3 and all(c.isprintable() or c.isspace() for c in text)


def reason_of(error: Exception) -> str:
    """Return the first line of what an exception says, or its name."""
    lines = str(error).strip().splitlines()
    if lines and lines[0].startswith("decoder error -"):  # Pillow's, of libtiff and others
        return "its data cannot be decoded"
    return lines[0] if lines else type(error).__name__
