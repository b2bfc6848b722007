"""Annotated copies of pictures: the best label and its score, drawn with OpenCV.

OpenCV 5 draws Latin, Greek, Cyrillic, Arabic and CJK text with the fonts that it brings.
"""

import functools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from errors import ImageError, UsageError
from outputs import Output
from outputs.copies import CopiesFolder
from results import Result
from sources.frames import Frame
from sources.pictures import open_picture

try:
    import cv2
except ImportError as error:
    raise UsageError(
        f"OpenCV cannot be loaded ({error}); on a machine without a desktop, "
        "apt-get install libgl1 libglib2.0-0, or pip install opencv-python-headless in place of opencv-python"
    ) from error

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # its errors are raised, too

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")  # that OpenCV can write; others get .png
MIN_FONT_SIZE = 14  # pixels; smaller is hard to read
FONT_FRACTION = 1 / 22  # of the picture's shorter side
MAX_LABEL_LENGTH = 60  # characters
FONT_WEIGHT = 500  # 400 is regular, 700 bold
INK, PAPER, OPACITY = (255, 255, 255), (32, 32, 32), 0.7


def draw_label(pixels: np.ndarray, text: str) -> np.ndarray:
    """Return a copy of uint8 RGB [H, W, 3] with a caption in a dark bar at its top.

    The text grows with the picture. Where a picture is too small for readable text, the copy
    is larger than it: the bar stands above the picture and is as wide as the text.
    """
    height, width = pixels.shape[:2]
    size = max(MIN_FONT_SIZE, round(min(height, width) * FONT_FRACTION))
    text_width = _text_width(text, size)
    if text_width > width:
        size = max(MIN_FONT_SIZE, int(size * width / text_width))
        text_width = _text_width(text, size)
    bar_height = round(size * 1.6)
    if text_width > width or bar_height * 3 > height:
        canvas = np.full((height + bar_height, max(width, text_width), 3), PAPER, np.uint8)
        left = (canvas.shape[1] - width) // 2
        canvas[bar_height:, left : left + width] = pixels
    else:
        canvas = pixels.copy()
        bar = canvas[:bar_height]
        bar[:] = cv2.addWeighted(bar, 1 - OPACITY, np.full_like(bar, PAPER[0]), OPACITY, 0)
    cv2.putText(canvas, text, (size // 2, round(size * 1.15)), INK, _font(), size, FONT_WEIGHT)
    return canvas


def caption(result: Result) -> str:
    """Return what is written on a picture: its best label and score, or "unsure" when it has none."""
    if not result.predictions:
        return "unsure"
    return name_and_score(*result.predictions[0][1:])


def name_and_score(label: str, score: float) -> str:
    """Return a label, shortened where it is long, with its score."""
    return f"{label if len(label) <= MAX_LABEL_LENGTH else label[: MAX_LABEL_LENGTH - 1] + '…'}: {score:.2%}"


class AnnotatedOutput(Output):
    """Saves annotated copies in a folder that mirrors the folders of the inputs.

    A copy's path is the picture's path relative to what all inputs have in common (or its whole
    path when it lies elsewhere), so pictures of the same name never collide. A copy that exists
    and differs is overwritten only with `force`, and no picture ever is.
    """

    draws = True
    option = "--annotate"

    def __init__(self, folder: str, inputs: Sequence[str], max_pixels: int, force: bool = False) -> None:
        self._copies = CopiesFolder(self.option, folder, inputs)
        self._root = _common_folder(inputs)
        self._max_pixels = max_pixels
        self._force = force

    def path_for(self, source: str) -> Path:
        """Return where the annotated copy of `source` goes."""
        absolute = Path(os.path.abspath(source))
        is_below = absolute.is_relative_to(self._root)
        path = self._copies.path / absolute.relative_to(self._root if is_below else absolute.anchor)
        return path if path.suffix.lower() in SUFFIXES else path.with_name(path.name + ".png")

    def write(self, frame: Frame, result: Result) -> None:
        """Save the annotated copy of the picture that `frame` has kept; raises ImageError when that cannot be done."""
        if result.error:
            return
        path = self.path_for(result.source)
        image = open_picture(frame.picture, result.source, self._max_pixels)
        data = encode_image(self.draw(np.asarray(image), frame, result), path.suffix)
        if not self._copies.save(path, result.source, lambda file: file.write_bytes(data), self._force):
            _check_same(path, data)

    def draw(self, pixels: np.ndarray, _frame: Frame, result: Result) -> np.ndarray:
        """Return the annotated copy of uint8 RGB [H, W, 3]."""
        return draw_label(pixels, caption(result))


def _check_same(path: Path, data: bytes) -> None:
    """Raise ImageError unless a file has this content already."""
    try:
        if path.read_bytes() != data:
            raise ImageError(f"not annotated: {path} exists and differs (--force overwrites it)")
    except OSError as error:
        raise ImageError(f"cannot save {path}: {error.strerror}") from error


def encode_image(pixels: np.ndarray, suffix: str) -> bytes:
    """Encode uint8 RGB [H, W, 3] in the format of a suffix such as ".jpg"; raises ImageError."""
    try:
        encoded, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise ImageError(f"not annotated: OpenCV cannot encode it as {suffix}: {error.err}") from error
    if not encoded:
        raise ImageError(f"not annotated: OpenCV cannot encode {pixels.shape[1]} x {pixels.shape[0]} as {suffix}")
    return data.tobytes()


def _common_folder(inputs: Sequence[str]) -> str:
    folders = [os.path.abspath(path if os.path.isdir(path) else os.path.dirname(path)) for path in inputs]
    try:
        return os.path.commonpath(folders or [os.getcwd()])
    except ValueError:  # on two drives
        return os.getcwd()


@functools.cache
def _font() -> "cv2.FontFace":
    return cv2.FontFace("sans")


def _text_width(text: str, size: int) -> int:
    """Return the width of `text` in pixels, with a margin of half a letter's height on both sides."""
    return cv2.getTextSize((0, 0), text, (0, 0), _font(), size, FONT_WEIGHT)[2] + size
