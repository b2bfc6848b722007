"""A sheet that things are placed on by inches from its upper left corner: for contact sheets and figures of rows."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from drawing.plot import render


class Sheet:
    """A figure of `width` by `height` inches; one system of axes for all, because many take seconds to draw."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        figure.set_layout_engine("none")
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)

    def show(self, image: Image.Image, left: float, top: float, width: float, height: float, middle: bool) -> None:
        """Put a picture as large as its proportions allow: at the upper left, or at the `middle` of the bottom."""
        scale = min(width / image.width, height / image.height)
        wide, high = image.width * scale, image.height * scale
        if middle:
            left, top = left + (width - wide) / 2, top + height - high
        self._axes.imshow(
            image, extent=(left, left + wide, top + high, top), aspect="auto", interpolation="antialiased"
        )

    def write(self, left: float, top: float, text: str, size: float, **style: Any) -> None:
        """Write a line of text whose middle is `top` inches below the upper edge; `size` in points."""
        self._axes.text(left, top, text, fontsize=size, va="center_baseline", **style)

    def bar(self, left: float, top: float, width: float, height: float, color: str, opacity: float) -> None:
        """Fill a rectangle."""
        self._axes.add_patch(Rectangle((left, top), width, height, color=color, alpha=opacity, linewidth=0))


def render_sheet(width: float, height: float, draw: Callable[[Sheet], None], format: str, dpi: int) -> bytes:
    """Return what `draw` places on a sheet of `width` by `height` inches, as a file's content."""
    return render((width, height), lambda figure: draw(Sheet(figure, width, height)), format, dpi)
