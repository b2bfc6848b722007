"""From any of Pillow's modes to upright 8-bit RGB that looks right, a strip at a time."""

import contextlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageCms

from decoding.profiles import find_conversion, lab_profile

STRIP_PIXELS = 2**20  # that are converted at once, in some megabytes; usual pictures are in one strip
LONGEST_SIDE = 2**20  # for each pixel of which Pillow takes up to 32 bytes when it resizes
ORIENTATION = 0x0112  # the number of the EXIF tag
TO_UPRIGHT = {  # how to turn what a camera held that way has stored
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ASIDE = (5, 6, 7, 8)  # orientations whose rows are stored as columns
FROM_THE_RIGHT = (2, 3, 6, 7)  # whose left is stored last
FROM_THE_BOTTOM = (3, 4, 7, 8)  # whose top is stored last

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Upright:
    """A loaded picture of any mode, seen as upright RGB, a part of which is converted when it is needed.

    Converting the whole picture would take several times its memory. A picture with a colour profile keeps its own
    colours until it is small, where converting them costs next to nothing.
    """

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self._orientation = orientation_of(image)
        self.size = image.size[::-1] if self._orientation in ASIDE else image.size
        self._conversion = _conversion(image)
        self._stays = _is_kept(image, self._conversion is not None)
        self._mode = image.mode if self._stays else "RGB"
        self._range = _range(image) if image.mode.startswith(("I", "F")) else (0, 255)

    def to_rgb(self) -> Image.Image:
        """Convert the whole picture; the image itself is returned when it is what is wanted."""
        if self._mode == "RGB" and self._is_as_stored and self._conversion is None:
            return self._image
        width, height = self.size
        whole = Image.new("RGB", self.size)
        for top, bottom in _cut(0, height, width):
            whole.paste(self._to_srgb(self._part(0, top, width, bottom)), (0, top))
        return whole

    def resized(self, size: tuple[int, int], resample: Image.Resampling, box: Box | None = None) -> Image.Image:
        """Resize what is in a box to RGB, to the bytes that Pillow makes of the whole picture in upright RGB.

        Pillow resizes along one axis, rounds to 8 bits, and resizes along the other, so strips give the same.
        """
        box = box or (0, 0, *self.size)
        if self._is_as_stored:
            return self._to_srgb(self._image.resize(size, resample, box))
        width, height = self.size
        if width * height <= STRIP_PIXELS:
            return self._to_srgb(self._part(0, 0, width, height).resize(size, resample, box))
        begins_with_columns = height > size[1] and height - size[1] > 2 * (width - size[0])  # as Pillow 13 does
        return self._to_srgb((self._by_columns if begins_with_columns else self._by_rows)(size, resample, box))

    def _by_rows(self, size: tuple[int, int], resample: Image.Resampling, box: Box) -> Image.Image:
        (width, height), (left, top, right, bottom) = self.size, box
        narrow = Image.new(self._mode, (size[0], height))
        for start, end in _cut(*_reached(top, bottom, size[1], height), width):
            rows = self._part(0, start, width, end)
            narrow.paste(rows.resize((size[0], end - start), resample, (left, 0, right, end - start)), (0, start))
        return narrow.resize(size, resample, (0, top, size[0], bottom))

    def _by_columns(self, size: tuple[int, int], resample: Image.Resampling, box: Box) -> Image.Image:
        (width, height), (left, top, right, bottom) = self.size, box
        flat = Image.new(self._mode, (width, size[1]))
        for start, end in _cut(*_reached(left, right, size[0], width), height):
            columns = self._part(start, 0, end, height)
            flat.paste(columns.resize((end - start, size[1]), resample, (0, top, end - start, bottom)), (start, 0))
        return flat.resize(size, resample, (left, 0, right, size[1]))

    @property
    def _is_as_stored(self) -> bool:
        return self._stays and self._orientation == 1

    def _part(self, left: int, top: int, right: int, bottom: int) -> Image.Image:
        width, height = self.size
        if self._orientation in FROM_THE_RIGHT:
            left, right = width - right, width - left
        if self._orientation in FROM_THE_BOTTOM:
            top, bottom = height - bottom, height - top
        box = (top, left, bottom, right) if self._orientation in ASIDE else (left, top, right, bottom)
        part = self._image if box == (0, 0, *self._image.size) else self._image.crop(box)
        if self._orientation != 1:
            part = part.transpose(TO_UPRIGHT[self._orientation])
        return part if self._stays else _to_rgb(part, *self._range)

    def _to_srgb(self, image: Image.Image) -> Image.Image:
        if self._conversion is None:
            return image.convert("RGB") if image.mode != "RGB" else image
        converted = ImageCms.applyTransform(image, self._conversion)
        assert converted is not None  # which it would be if it were converted in place
        return converted


def thinned(image: Image.Image) -> Image.Image:
    """Leave out most pixels of a side of more than a million; a square shows none of them."""
    if max(image.size) <= LONGEST_SIDE:
        return image
    width, height = (side if side <= LONGEST_SIDE else LONGEST_SIDE // 16 for side in image.size)
    return image.resize((width, height), Image.Resampling.NEAREST)


def _cut(start: int, end: int, across: int) -> Iterator[tuple[int, int]]:
    """Yield the starts and ends of strips that are `across` pixels wide."""
    step = max(1, STRIP_PIXELS // across)
    for at in range(start, end, step):
        yield at, min(at + step, end)


def _reached(start: float, end: float, size: int, side: int) -> tuple[int, int]:
    """Return which part of a side is looked at for `size` pixels of it; bicubic reaches two of them further."""
    margin = 2 * max(1, (end - start) / size) + 1
    return max(0, int(start - margin)), min(side, int(end + margin) + 1)


def orientation_of(image: Image.Image) -> int:
    """Return how the camera was held, as in EXIF: from 1, upright, to 8."""
    with contextlib.suppress(Exception):  # damaged metadata does not cost the picture
        orientation = image.getexif().get(ORIENTATION, 1)
        return orientation if orientation in TO_UPRIGHT else 1
    return 1


def _is_kept(image: Image.Image, has_conversion: bool) -> bool:
    """Return whether pixels are resized as they are stored, and become sRGB then."""
    if image.mode in ("L", "RGB"):
        return not image.has_transparency_data
    return image.mode in ("CMYK", "LAB") and has_conversion


def _conversion(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Return what makes sRGB of the picture's colours, where that is needed; grey ones are taken as they are."""
    if image.mode == "LAB":
        return find_conversion(lab_profile(), "LAB")
    if image.mode == "CMYK":
        return find_conversion(image.info.get("icc_profile"), "CMYK")
    if image.mode in ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA"):
        return find_conversion(image.info.get("icc_profile"), "RGB")
    return None


def _to_rgb(image: Image.Image, low: float, high: float) -> Image.Image:
    """Convert any mode pixel by pixel to RGB; `low` becomes black and `high` white in those with wide numbers."""
    if image.mode.startswith(("I", "F")):
        scaled = (_numbers(image) - low) * (255 / ((high - low) or 1))
        return Image.fromarray(np.round(scaled).astype(np.uint8)).convert("RGB")
    if image.mode == "La":  # grey that is multiplied by its alpha, for which Pillow has one way out
        image = image.convert("LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _numbers(image: Image.Image) -> np.ndarray:
    values = np.asarray(image).astype(np.float64 if image.mode in ("I", "F") else np.float32)  # those overflow float32
    values[~np.isfinite(values)] = 0
    return values


def _range(image: Image.Image) -> tuple[float, float]:
    """Return black and white: the full range of 16-bit integers, and of other integers and floats their own."""
    if image.mode not in ("I", "F"):
        return 0, 65535
    strips = (image.crop((0, top, image.width, bottom)) for top, bottom in _cut(0, image.height, image.width))
    lows, highs = zip(*((values.min(), values.max()) for values in map(_numbers, strips)), strict=True)
    low, high = min(lows), max(highs)
    if image.mode == "I" and low >= 0 and high <= 65535:
        return 0, (255 if image.format is None and high <= 255 else 65535)  # a program's own, of an 8-bit picture
    if image.mode == "F" and low >= 0 and high <= 255:
        return 0, (1 if high <= 1 else 255)
    return low, high
