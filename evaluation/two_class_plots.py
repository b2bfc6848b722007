"""Plots for two classes: their scores, the threshold between them, and the curves over all thresholds."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from drawing.plot import FAINT, FIRST, INK, SECOND, SIZE, THIRD, Plot, histogram, legend, short, unit_square
from evaluation.thresholds import TwoClass

MOST_LETTERS = 15  # of a name, for two stand in one line


def two_class_plots(two: TwoClass, names: Sequence[str]) -> list[Plot]:
    """Return the plots that only two classes have; `names` are the names of both."""
    positive, negative = short(names[two.positive], MOST_LETTERS), short(names[two.negative], MOST_LETTERS)
    return [make(two, positive, negative) for make in (_scores, _sweep, _roc, _precision_recall)]


def _scores(two: TwoClass, positive: str, negative: str) -> Plot:
    def draw(axes: Axes) -> None:
        parts = {
            f"{positive} ({two.is_positive.sum():,})": (two.scores[two.is_positive], FIRST),
            f"{negative} ({(~two.is_positive).sum():,})": (two.scores[~two.is_positive], SECOND),
        }
        histogram(axes, parts)
        _mark_thresholds(axes, two)
        axes.set_xlabel(f"score of {positive}")
        legend(axes)

    return Plot("scores", "Scores of both classes", "The less the two overlap, the better.", SIZE, draw)


def _sweep(two: TwoClass, positive: str, negative: str) -> Plot:
    sweep = two.validation_sweep or two.sweep

    def draw(axes: Axes) -> None:
        axes.plot(sweep.thresholds, sweep.false_negative_rate, color=FIRST, label=f"{positive} missed")
        axes.plot(sweep.thresholds, sweep.false_positive_rate, color=SECOND, label=f"{negative} called {positive}")
        axes.plot(sweep.thresholds, sweep.f1, color=INK, linewidth=1.2, linestyle=":", label="F1")
        _mark_thresholds(axes, two)
        unit_square(axes, "threshold", "share of the class; F1", is_square=False)

    data = "validation pictures" if two.validation_sweep else "the pictures evaluated"
    about = f"The error rates of both classes, and F1, on {data}. A score of at least the threshold means {positive}."
    return Plot("sweep", "Threshold sweep", about, SIZE, draw)


def _roc(two: TwoClass, positive: str, negative: str) -> Plot:
    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle="--", label="guessing")
        axes.plot(two.roc.x, two.roc.y, color=FIRST, label=f"area {two.roc_auc:.4f}", clip_on=False)
        unit_square(axes, f"{negative} called {positive}", f"{positive} found")

    about = "Each point is a threshold; the nearer to the upper left corner, the better."
    return Plot("roc", "ROC curve", about, SIZE, draw)


def _precision_recall(two: TwoClass, positive: str, _negative: str) -> Plot:
    def draw(axes: Axes) -> None:
        label = f"average precision {two.average_precision:.4f}"
        share = float(two.is_positive.mean())
        axes.plot([0, 1], [share, share], color=FAINT, linewidth=1.2, linestyle="--", label="guessing")
        axes.step(two.precision_recall.x, two.precision_recall.y, color=FIRST, label=label, where="post")
        unit_square(axes, f"recall: {positive} found", "precision: right among those found")

    about = "Each point is a threshold; the nearer to the upper right corner, the better."
    return Plot("precision_recall", "Precision and recall", about, SIZE, draw)


def _mark_thresholds(axes: Axes, two: TwoClass) -> None:
    axes.axvline(two.used.threshold, color=INK, linewidth=1.2, linestyle="--", label=f"{two.used.threshold:.3g} used")
    if two.recommended:
        threshold = two.recommended.threshold
        axes.axvline(threshold, color=THIRD, linewidth=2, label=f"{threshold:.3g} recommended ({two.criterion})")
