"""Plots of how good a model is, and of several models beside each other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from console.text import readable, shorten
from drawing.plot import (
    FAINT,
    FIRST,
    INK,
    SECOND,
    SIZE,
    THIRD,
    Plot,
    histogram,
    legend,
    percent,
    short,
    unit_square,
    whole_numbers,
)
from evaluation.matrix import MOST_IN_MATRIX, confusion_plot
from evaluation.metrics import Evaluation
from evaluation.two_class_plots import two_class_plots

MOST_PAIRS = 20


def list_plots(evaluation: Evaluation) -> list[Plot]:
    """Return the plots that say something about a model."""
    shown = evaluation.shown_classes
    plots = []
    if len(shown) <= MOST_IN_MATRIX:
        plots.append(confusion_plot(evaluation, shown))
    elif evaluation.confused:
        plots.append(_confused_pairs(evaluation))
    if evaluation.two_class:
        plots += two_class_plots(evaluation.two_class, evaluation.names)
    else:
        plots.append(_certainty(evaluation))
    return [*plots, _coverage(evaluation), _reliability(evaluation)]


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
        axes.set_yticks(rows, [shorten(readable(evaluation.model), 26) for evaluation in evaluations])
        axes.set_ylim(len(evaluations) - 0.5, -0.6)
        percent(axes.xaxis)
        axes.grid(axis="x")

    about = "The share of pictures whose best label is right; the line is the 95 % interval of what chance explains."
    return Plot("accuracy", "Top-1 accuracy", about, (5.2, 1.3 + 0.45 * len(evaluations)), draw)


def _confused_pairs(evaluation: Evaluation) -> Plot:
    pairs = evaluation.confused[:MOST_PAIRS]

    def draw(axes: Axes) -> None:
        names = [f"{short(evaluation.names[pair.true])}\n→ {short(evaluation.names[pair.predicted])}" for pair in pairs]
        bars = axes.barh(range(len(pairs)), [pair.count for pair in pairs], color=SECOND, height=0.7)
        axes.bar_label(bars, padding=4, fontsize=9)
        axes.set_yticks(range(len(pairs)), names)
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.set_xlabel("pictures")
        whole_numbers(axes.xaxis)

    about = "True class → what the model answered instead, the most frequent mistakes first."
    return Plot("confused_pairs", "Most confused pairs", about, (SIZE[0] + 0.6, 1.4 + 0.42 * len(pairs)), draw)


def _coverage(evaluation: Evaluation) -> Plot:
    coverage = evaluation.coverage

    def draw(axes: Axes) -> None:
        axes.plot(coverage.answered, coverage.right, color=FIRST, drawstyle="steps-pre", clip_on=False)
        for point in coverage.chosen:
            place = (point.answered.value, point.right.value)
            axes.plot(*place, "o", color=THIRD, clip_on=False)
            text = f"{point.threshold:.2f}"
            axes.annotate(text, place, (-5, -5), textcoords="offset points", ha="right", va="top", color=THIRD)
        low = min(coverage.right.min(), coverage.right[-1])
        axes.set(xlim=(0, 1), ylim=(max(0, np.floor(10 * low - 1) / 10), 1.005))
        axes.set(xlabel="share of the pictures that is answered", ylabel="right among those")
        percent(axes.xaxis)
        percent(axes.yaxis)
        axes.grid()

    about = (
        "With a higher threshold, fewer pictures are answered, and more of the answers are right. The dots have the "
        "threshold with which most are answered while 90, 95 or 99 % are right."
    )
    return Plot("coverage", "Answered and right", about, SIZE, draw)


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
