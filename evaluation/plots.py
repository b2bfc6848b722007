"""Plots of how good a model is, and of several models beside each other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from console.text import readable, shorten
from drawing.plot import (
    FAINT,
    FIRST,
    INK,
    PAPER,
    SECOND,
    SIZE,
    Plot,
    figure_of,
    histogram,
    legend,
    name_columns,
    percent,
    short,
    unit_square,
    whole_numbers,
)
from evaluation.metrics import Evaluation
from evaluation.two_class_plots import two_class_plots

MOST_IN_MATRIX = 30  # classes; of more, the most confused pairs are drawn
MOST_WITH_NUMBERS = 16  # classes, so that the numbers in the cells can be read
MOST_PAIRS = 20


def list_plots(evaluation: Evaluation) -> list[Plot]:
    """Return the plots that say something about a model."""
    shown = evaluation.shown_classes
    plots = []
    if len(shown) <= MOST_IN_MATRIX:
        plots.append(_confusion(evaluation, shown))
    elif evaluation.confused:
        plots.append(_confused_pairs(evaluation))
    if evaluation.two_class:
        plots += two_class_plots(evaluation.two_class, evaluation.names)
    else:
        plots.append(_certainty(evaluation))
    return [*plots, _reliability(evaluation)]


def accuracy_plot(evaluations: Sequence[Evaluation]) -> Plot:
    """Return a plot of several models' accuracies with their intervals."""

    def draw(axes: Axes) -> None:
        rows = range(len(evaluations))
        shares = [evaluation.top1 for evaluation in evaluations]
        values = np.array([share.value for share in shares])
        reach = [[share.value - share.low for share in shares], [share.high - share.value for share in shares]]
        axes.errorbar(values, rows, xerr=reach, fmt="o", color=FIRST, ecolor=FIRST, capsize=4, linewidth=2)
        for row, value in zip(rows, values, strict=True):
            axes.annotate(f"{value:.1%}", (value, row), (0, 7), textcoords="offset points", ha="center", fontsize=9)
        axes.set_yticks(rows, [shorten(readable(evaluation.model), 40) for evaluation in evaluations])
        axes.set_ylim(len(evaluations) - 0.5, -0.6)
        percent(axes.xaxis)
        axes.grid(axis="x")

    about = "The share of pictures whose best label is right; the line is the 95 % interval of what chance explains."
    return Plot("accuracy", "Top-1 accuracy", about, (7, 1.3 + 0.45 * len(evaluations)), draw)


def _confusion(evaluation: Evaluation, shown: Sequence[int]) -> Plot:
    counts = np.asarray(evaluation.confusion(shown))
    names = [short(evaluation.names[index]) for index in shown]

    def draw(axes: Axes) -> None:
        figure_of(axes).set_layout_engine("compressed")  # the one that knows that cells are square
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        colors = LinearSegmentedColormap.from_list("shares", [PAPER, FIRST])
        image = axes.imshow(shares, colors, vmin=0, vmax=1)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.spines[:].set_visible(True)
        if len(names) <= MOST_WITH_NUMBERS:
            _write_counts(axes, counts, shares)
        bar = figure_of(axes).colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
        bar.outline.set_visible(False)
        percent(bar.ax.yaxis)
        name_columns(axes, names)

    side = min(11, 2.6 + 0.34 * len(names))
    size = SIZE if side <= SIZE[1] else (side + 1.2, side)
    about = "A row for each true class, a column for each answer: right answers are on the diagonal."
    return Plot("confusion", "Confusion matrix", about, size, draw)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    for row, column in np.argwhere(counts):
        color = PAPER if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=9)


def _confused_pairs(evaluation: Evaluation) -> Plot:
    pairs = evaluation.confused[:MOST_PAIRS]

    def draw(axes: Axes) -> None:
        names = [f"{short(evaluation.names[pair.true])} → {short(evaluation.names[pair.predicted])}" for pair in pairs]
        bars = axes.barh(range(len(pairs)), [pair.count for pair in pairs], color=SECOND, height=0.7)
        axes.bar_label(bars, padding=4, fontsize=9)
        axes.set_yticks(range(len(pairs)), names)
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.set_xlabel("pictures")
        whole_numbers(axes.xaxis)

    about = "True class → what the model answered instead, the most frequent mistakes first."
    return Plot("confused_pairs", "Most confused pairs", about, (6.6, 1.4 + 0.28 * len(pairs)), draw)


def _certainty(evaluation: Evaluation) -> Plot:
    answers = evaluation.answers

    def draw(axes: Axes) -> None:
        histogram(
            axes,
            {
                f"right ({answers.right.sum():,})": (answers.score[answers.right], FIRST),
                f"wrong ({(~answers.right).sum():,})": (answers.score[~answers.right], SECOND),
            },
        )
        axes.set_xlabel("score of the best label")
        legend(axes)

    about = "How sure the model was where it was right and where it was wrong; the less they overlap, the better."
    return Plot("scores", "Scores of right and wrong answers", about, SIZE, draw)


def _reliability(evaluation: Evaluation) -> Plot:
    bins = [part for part in evaluation.reliability if part.count]

    def draw(axes: Axes) -> None:
        largest = max((part.count for part in bins), default=1)
        axes.bar(
            [part.low for part in bins], [part.count / largest * 0.25 for part in bins],
            [part.high - part.low for part in bins], align="edge", color=FAINT, label="pictures",
        )  # fmt: skip
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="scores that can be trusted")
        axes.plot(
            [part.confidence for part in bins], [part.accuracy for part in bins], "o-", color=FIRST,
            label=f"this model (expected error {evaluation.ece:.1%})", clip_on=False,
        )  # fmt: skip
        unit_square(axes, "score of the answer", "share that is right")

    about = "Of the answers with a score of 80 %, 80 % should be right. Below the line the model is too sure of itself."
    return Plot("reliability", "Can the scores be trusted?", about, SIZE, draw)
