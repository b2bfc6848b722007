"""How plots are drawn: with matplotlib, without a display, in colours and letters that everybody can read.

A Plot is what to draw; `to_images` draws it, as a PNG with all letters in it, and as an SVG whose text the viewer draws
with its own fonts, for a page that is read on a phone. Names are never read as mathematics, whatever they hold.
"""

import contextlib
import functools
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from console.text import readable, shorten
from drawing.lettering import Canvas
from files import APP_NAME

SIZE = (4.0, 4.0)  # inches of most plots, so that they stand in line, and text can be read on a phone
DPI = 176  # dots per inch: sharp on a phone, and large enough for a slide
LARGE_IN_PAGE = 6  # inches of a plot that has a row of the page for itself
LARGE, DPI_OF_LARGE = 9, 110  # inches of a plot whose text can be read with fewer dots
UPRIGHT: dict[str, Any] = {  # text held at its end, wherever that is in a viewer's own font
    "rotation": 90, "rotation_mode": "anchor", "horizontalalignment": "right", "verticalalignment": "center"
}  # fmt: skip
METADATA = {"png": {"Software": APP_NAME}, "svg": {"Creator": APP_NAME, "Date": None}}  # the same in every run
MOST_LETTERS = 26  # of a class's name; Chinese, Japanese and Korean ones count twice
FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Malgun Gothic",
         "WenQuanYi Micro Hei", "Droid Sans Fallback", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari",
         "Noto Sans Thai", "Arial Unicode MS", "Noto Emoji", "Segoe UI Emoji",
         "Segoe UI Symbol")  # for scripts that matplotlib's own font lacks  # fmt: skip
NOT_IN_XML = dict.fromkeys([0xFFFE, 0xFFFF], "\ufffd")

# Colours that can be told apart by everybody; a page in dark mode turns them over.
PAPER, INK, FAINT = "#ffffff", "#1c2430", "#d5dae2"
FIRST = "#1f6feb"  # right answers, the positive class, the curve itself
SECOND = "#c2410c"  # wrong answers, the negative class
THIRD = "#0f8a5f"  # recommended thresholds


@dataclass(frozen=True)
class Plot:
    """One plot: where it is kept, what it shows, and how it is drawn."""

    name: str  # of its file
    title: str
    about: str  # a sentence for those who read it for the first time, or cannot see it
    size: tuple[float, float]  # inches
    draw: Callable[[Axes], None]


class Images(NamedTuple):
    """One plot, drawn twice."""

    png: bytes
    svg: bytes


def to_images(plot: Plot) -> Images:
    """Draw a plot as PNG and as SVG, both laid out alike."""
    with _drawing():
        figure = _figure(plot.size)
        plot.draw(figure.add_subplot(title=plot.title))
        png = _saved(figure, "png", DPI if plot.size[0] < LARGE else DPI_OF_LARGE)
        figure.set_layout_engine("none")  # what has found its place stays there
        return Images(png, _saved(figure, "svg", DPI))


def render(size: tuple[float, float], draw: Callable[[Figure], None], format: str = "png", dpi: int = DPI) -> bytes:
    """Return what `draw` draws on a figure of `size` inches, as a file's content."""
    with _drawing():
        figure = _figure(size)
        draw(figure)
        return _saved(figure, format, dpi)


@contextlib.contextmanager
def _drawing() -> Iterator[None]:
    with rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph.*missing")  # a box is drawn for such a letter
        yield


def _figure(size: tuple[float, float]) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    Canvas(figure)
    return figure


def _saved(figure: Figure, format: str, dpi: int) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=format, dpi=dpi, metadata=METADATA.get(format))
    return file.getvalue()


def _style() -> dict:
    return {
        "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER,
        "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK,
        "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": FAINT, "grid.color": FAINT,
        "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
        "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
        "legend.frameon": False, "legend.fontsize": 10, "axes.labelsize": 10, "xtick.labelsize": 10,
        "ytick.labelsize": 10, "lines.linewidth": 2, "text.parse_math": False, "axes.formatter.use_mathtext": False,
        "font.family": _fonts(), "font.sans-serif": ["DejaVu Sans", "Verdana"],  # which have letters of one width
        "svg.fonttype": "none", "svg.hashsalt": APP_NAME,
    }  # fmt: skip


@functools.cache
def _fonts() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in FONTS if name in installed], "sans-serif"]


def short(name: str, letters: int = MOST_LETTERS) -> str:
    """Return a class's name, or the beginning of one that is too long for a plot."""
    text = readable(name).translate(NOT_IN_XML)
    widths = accumulate(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return shorten(text, sum(width <= letters for width in widths))


def text_widths(texts: Sequence[str], points: float) -> list[float]:
    """Return how wide lines of text of that size are, inches."""
    with _drawing():
        renderer = Canvas(Figure(dpi=DPI)).get_renderer()
        font = FontProperties(size=points)
        return [renderer.get_text_width_height_descent(text, font, False)[0] / DPI for text in texts]


def histogram(axes: Axes, parts: dict[str, tuple[np.ndarray, str]]) -> None:
    """Draw how many scores there are from 0 to 1, for each part by its label, with its colour."""
    pictures = sum(len(scores) for scores, _color in parts.values())
    bins = np.linspace(0, 1, 1 + (50 if pictures > 500 else 25))
    for label, (scores, color) in parts.items():
        axes.hist(scores, bins.tolist(), color=color, alpha=0.65, label=label)
    axes.set_xlim(0, 1)
    percent(axes.xaxis)
    axes.set_ylabel("pictures")
    whole_numbers(axes.yaxis)
    axes.grid(axis="y")


def unit_square(axes: Axes, x: str, y: str, is_square: bool = True) -> None:
    """Let both axes go from 0 to 100 %, and name them."""
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
    if is_square:
        axes.set_aspect("equal")
    percent(axes.xaxis)
    percent(axes.yaxis)
    axes.grid()
    legend(axes)


def figure_of(axes: Axes) -> Figure:
    """Return the whole figure that axes are part of."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def legend(axes: Axes) -> None:
    """Explain the colours below the plot, where nothing is hidden by it."""
    figure_of(axes).legend(loc="outside lower center")


def whole_numbers(axis: Axis) -> None:
    """Write only whole numbers on an axis."""
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))


def percent(axis: Axis) -> None:
    """Write the numbers of an axis as percentages."""
    axis.set_major_formatter(lambda value, _position: f"{100 * value:g} %")
