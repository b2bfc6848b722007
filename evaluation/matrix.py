"""The confusion matrix as a plot: every cell as large as can be read, and every name beside its row."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap

from drawing.plot import FAINT, FIRST, INK, PAPER, SIZE, UPRIGHT, Plot, figure_of, percent, short, text_widths
from evaluation.metrics import Evaluation

MOST_IN_MATRIX = 150  # classes; of more, the most confused pairs are drawn
MOST_WITH_NUMBERS = 16  # classes, so that the numbers in the cells can be read
CELLS = ((MOST_WITH_NUMBERS, 0.3, 10), (50, 0.2, 9), (MOST_IN_MATRIX, 0.13, 7))  # most classes, inches, points of names
FOLLOWED = 5  # classes between two lines
LEAST_SIDE, LARGEST_CELL = 1.8, 1.0  # inches
TICK, LINE, EDGE, TITLE, SCALE = 0.08, 0.24, 0.3, 0.45, 0.75  # inches around the cells


def confusion_plot(evaluation: Evaluation, shown: Sequence[int]) -> Plot:
    """Return the matrix of these classes, at most MOST_IN_MATRIX, each row as shares of a class's pictures.

    Its places are computed here, because matplotlib takes seconds to find them for so many names.
    """
    counts = np.asarray(evaluation.confusion(shown))
    names = [short(evaluation.names[index]) for index in shown]
    least, points = next(sizes for most, *sizes in CELLS if len(names) <= most)
    widest = max(text_widths(names, points))
    left = 2 * TICK + LINE + widest
    cell = min(LARGEST_CELL, max(least, LEAST_SIDE / len(names), (SIZE[0] - left - EDGE) / len(names)))
    side = cell * len(names)
    is_level = widest + TICK <= cell
    below = TICK + (LINE if is_level else widest) + LINE + SCALE
    width, height = max(SIZE[0], left + side + EDGE), TITLE + side + below

    def draw(axes: Axes) -> None:
        figure_of(axes).set_layout_engine("none")
        axes.set_position((left / width, below / height, side / width, side / height))
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        colors = LinearSegmentedColormap.from_list("shares", [PAPER, FIRST])
        axes.imshow(colors(shares, bytes=True), interpolation="none")
        axes.set_yticks(range(len(names)), names)
        axes.set_xticks(range(len(names)), names)
        for label in axes.get_xticklabels() if not is_level else ():
            label.set(**UPRIGHT)
        axes.tick_params(labelsize=points, length=2)
        axes.spines[:].set_visible(True)
        axes.set(xlabel="predicted", ylabel="true")
        axes.yaxis.set_label_coords(-(left - LINE) / side, 0.5)
        axes.xaxis.set_label_coords(0.5, -(below - SCALE - LINE) / side)
        if len(names) <= MOST_WITH_NUMBERS:
            _write_counts(axes, counts, shares)
        else:
            _draw_lines(axes, len(names))
        place = (left / width, (SCALE - 0.25) / height, min(side, 2.5) / width, 0.1 / height)
        _draw_scale(figure_of(axes).add_axes(place), colors)

    about = (
        "A row for each true class, a column for each answer: right answers are on the diagonal. "
        "The darker, the larger the share of the row's pictures."
    )
    return Plot("confusion", "Confusion matrix", about, (width, height), draw)


def _draw_lines(axes: Axes, classes: int) -> None:
    """Draw lines that the eye can follow from a name to its cells."""
    lines = np.arange(FOLLOWED - 0.5, classes, FOLLOWED)
    axes.hlines(lines, -0.5, classes - 0.5, color=FAINT, linewidth=0.6)
    axes.vlines(lines, -0.5, classes - 0.5, color=FAINT, linewidth=0.6)


def _draw_scale(axes: Axes, colors: LinearSegmentedColormap) -> None:
    bar = figure_of(axes).colorbar(ScalarMappable(cmap=colors), cax=axes, orientation="horizontal")
    bar.outline.set_visible(False)
    bar.set_label("share of the true class")
    percent(bar.ax.xaxis)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    for row, column in np.argwhere(counts):
        color = PAPER if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=9)
