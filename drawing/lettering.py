"""Text in plots that matplotlib's fonts have no letters for, drawn with those that OpenCV brings.

These are Chinese, Japanese and Korean letters on machines where no such font is installed. matplotlib asks a renderer
for the size of a text and to draw it, and so both are answered here.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any
from unicodedata import category, east_asian_width

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties, get_font

try:
    import cv2

    HAS_OPENCV = True
except ImportError:  # it lacks a library of desktops; then such letters are boxes
    HAS_OPENCV = False


class Canvas(FigureCanvasAgg):
    """Draws a figure as matplotlib does, and the texts that it has no letters for with OpenCV's."""

    _drawn_with: tuple[tuple, RendererAgg] | None = None

    def get_renderer(self) -> RendererAgg:
        """Return what draws, which is the same for as long as the figure keeps its size."""
        width, height = self.figure.bbox.size
        key = width, height, self.figure.dpi
        if self._drawn_with is None or self._drawn_with[0] != key:
            self._drawn_with = key, _Renderer(*key)
        return self._drawn_with[1]


class _Renderer(RendererAgg):
    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        if ismath or can_draw(s, prop.get_family()):
            return super().get_text_width_height_descent(s, prop, ismath)
        _left, top, width, height = _box(s, self.points_to_pixels(prop.get_size_in_points()), prop)
        return width, height, height + top

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: FontProperties, angle: float, ismath: Any = False,
        mtext: Any = None,
    ) -> None:  # fmt: skip
        if ismath or can_draw(s, prop.get_family()):
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        image, descent = _drawn(s, self.points_to_pixels(prop.get_size_in_points()), prop)
        turn = math.radians(angle)
        left, bottom = round(x + descent * math.sin(turn)), round(y + descent * math.cos(turn))
        self._renderer.draw_text_image(image, left, bottom + 1, angle, gc)


def can_draw(text: str, fonts: Sequence[str]) -> bool:
    """Return whether matplotlib's fonts of these names have all Chinese, Japanese and Korean letters of a text.

    Other letters are matplotlib's in any case: OpenCV knows neither emoji nor the direction that Arabic is read in.
    """
    if not HAS_OPENCV:
        return True
    wide = [letter for letter in text if east_asian_width(letter) in "WF" and category(letter)[0] == "L"]
    return all(ord(letter) in _letters(tuple(fonts)) for letter in wide)


@functools.cache
def _letters(fonts: tuple[str, ...]) -> frozenset[int]:
    files = {font_manager.findfont(FontProperties(family=[name])) for name in fonts}
    return frozenset(code for file in files for code in get_font(file).get_charmap())


@functools.cache
def _face() -> "cv2.FontFace":
    return cv2.FontFace("sans")


def _weight(prop: FontProperties) -> int:
    return 700 if prop.get_weight() == "bold" else 400


def _box(text: str, size: float, prop: FontProperties) -> tuple[int, int, int, int]:
    """Return left, top, width and height in pixels, from the point where the text's baseline begins."""
    left, top, width, height = cv2.getTextSize((0, 0), text, (0, 0), _face(), round(size), _weight(prop))
    return left, top, width, height


def _drawn(text: str, size: float, prop: FontProperties) -> tuple[np.ndarray, int]:
    """Return a text as uint8 [H, W], 255 where it covers all, and how many rows lie below the baseline."""
    _left, top, width, height = _box(text, size, prop)
    image = np.zeros((height, width), np.uint8)
    cv2.putText(image, text, (0, -top), (255,), _face(), round(size), _weight(prop))
    return image, height + top
