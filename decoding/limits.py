"""How many pixels a picture may have, and how much memory it may take."""

from errors import ImageError
from settings import MAX_PIXELS


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError when a picture has no pixels, or more than `max_pixels`."""
    if width * height == 0:
        raise ImageError(f"has no pixels: {width} x {height}")
    if width * height > max_pixels:
        raise ImageError(f"{width} x {height} pixels are over the limit of {max_pixels:,}; raise it with --max-pixels")


def check_memory(width: int, height: int, needed: int, format: str, max_pixels: int) -> None:
    """Raise ImageError when decoding takes more bytes than an RGB picture at the limit."""
    limit = max(max_pixels, MAX_PIXELS)
    if needed > 4 * limit:
        raise ImageError(
            f"{width} x {height} pixels of this kind of {format} take the memory of "
            f"{needed // 4:,} others, over the limit of {limit:,}; raise it with --max-pixels"
        )
