"""How many pixels a picture may have."""

from errors import ImageError


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError when a picture has no pixels, or more than `max_pixels`."""
    if width * height == 0:
        raise ImageError(f"has no pixels: {width} x {height}")
    if width * height > max_pixels:
        raise ImageError(f"{width} x {height} pixels are over the limit of {max_pixels:,}; raise it with --max-pixels")
