"""Plots of an evaluation, drawn with matplotlib without a display.

A Plot is what to draw; `to_png` draws it. Names are never read as mathematics, whatever they hold.
"""

import functools
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from evaluation.metrics import Evaluation
from evaluation.thresholds import TwoClass

SIZE = (5.8, 4.7)  # inches of most plots, so that they stand in line
DPI = 132  # dots per inch: sharp on a phone, and large enough for a slide
MOST_IN_MATRIX = 30  # classes; of more, the most confused pairs are drawn
MOST_WITH_NUMBERS = 16  # classes, so that the numbers in the cells can be read
MOST_PAIRS = 20
MOST_LETTERS = 26  # of a class's name
METADATA = {"png": {"Software": None}, "svg": {"Date": None}}  # nothing that differs between two runs
FEW_CLASSES = 6  # up to which a name may stand level below its column
FONTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Malgun Gothic",
         "WenQuanYi Micro Hei", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai",
         "Arial Unicode MS")  # for scripts that matplotlib's own font lacks  # fmt: skip


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


def to_png(plot: Plot) -> bytes:
    """Draw a plot as a PNG."""
    return render(plot.size, lambda figure: plot.draw(figure.add_subplot(title=plot.title)))


def render(size: tuple[float, float], draw: Callable[[Figure], None], format: str = "png", dpi: int = DPI) -> bytes:
    """Return what `draw` draws on a figure of `size` inches, as a file's content."""
    file = io.BytesIO()
    with rc_context(_style()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph.*missing")  # a box is drawn for such a letter
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(file, format=format, dpi=dpi, metadata=METADATA.get(format))
    return file.getvalue()


def _style() -> dict:
    return {
        "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER,
        "text.color": INK, "axes.labelcolor": INK, "axes.titlecolor": INK,
        "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": FAINT, "grid.color": FAINT,
        "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
        "axes.titlesize": 12, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
        "legend.frameon": False, "legend.fontsize": 9, "axes.labelsize": 10, "xtick.labelsize": 9,
        "ytick.labelsize": 9, "lines.linewidth": 2, "text.parse_math": False, "axes.formatter.use_mathtext": False,
        "font.family": _fonts(), "svg.fonttype": "none", "svg.hashsalt": "image-classifier-scripts",
    }  # fmt: skip


@functools.cache
def _fonts() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in FONTS if name in installed]]


def shorten(text: str, letters: int = MOST_LETTERS) -> str:
    """Return a name that is not too long for its place."""
    return text if len(text) <= letters else text[: letters - 1] + "…"


def list_plots(evaluation: Evaluation, others: Sequence[Evaluation] = ()) -> list[Plot]:
    """Return the plots that say something about a model."""
    shown = evaluation.shown_classes
    plots = []
    if len(shown) <= MOST_IN_MATRIX:
        plots.append(_confusion(evaluation, shown))
    elif evaluation.confused:
        plots.append(_confused_pairs(evaluation))
    if evaluation.two_class:
        plots += _two_class_plots(evaluation.two_class, evaluation.names)
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
        axes.set_yticks(rows, [shorten(evaluation.model, 40) for evaluation in evaluations])
        axes.set_ylim(len(evaluations) - 0.5, -0.6)
        _percent(axes.xaxis)
        axes.grid(axis="x")

    about = "The share of pictures whose best label is right; the line is the 95 % interval of what chance explains."
    return Plot("accuracy", "Top-1 accuracy", about, (8, 1.3 + 0.45 * len(evaluations)), draw)


def _confusion(evaluation: Evaluation, shown: Sequence[int]) -> Plot:
    counts = np.asarray(evaluation.confusion(shown))
    names = [shorten(evaluation.names[index]) for index in shown]

    def draw(axes: Axes) -> None:
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        colors = LinearSegmentedColormap.from_list("shares", [PAPER, FIRST])
        image = axes.imshow(shares, colors, vmin=0, vmax=1)
        level = len(names) <= FEW_CLASSES and max(map(len, names)) <= 14
        axes.set_xticks(range(len(names)), names, rotation=0 if level else 90)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.spines[:].set_visible(True)
        if len(names) <= MOST_WITH_NUMBERS:
            _write_counts(axes, counts, shares)
        bar = axes.figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
        bar.outline.set_visible(False)
        _percent(bar.ax.yaxis)

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
        names = [
            f"{shorten(evaluation.names[pair.true])} → {shorten(evaluation.names[pair.predicted])}" for pair in pairs
        ]
        bars = axes.barh(range(len(pairs)), [pair.count for pair in pairs], color=SECOND, height=0.7)
        axes.bar_label(bars, padding=4, fontsize=9)
        axes.set_yticks(range(len(pairs)), names)
        axes.set_ylim(len(pairs) - 0.4, -0.6)
        axes.set_xlabel("pictures")
        axes.xaxis.get_major_locator().set_params(integer=True)

    about = "True class → what the model answered instead, the most frequent mistakes first."
    return Plot("confused_pairs", "Most confused pairs", about, (8, 1.4 + 0.28 * len(pairs)), draw)


def _certainty(evaluation: Evaluation) -> Plot:
    answers = evaluation.answers

    def draw(axes: Axes) -> None:
        _histogram(
            axes,
            {
                f"right ({answers.right.sum():,})": (answers.score[answers.right], FIRST),
                f"wrong ({(~answers.right).sum():,})": (answers.score[~answers.right], SECOND),
            },
        )
        axes.set_xlabel("score of the best label")
        _legend(axes)

    about = "How sure the model was where it was right and where it was wrong; the less they overlap, the better."
    return Plot("scores", "Scores of right and wrong answers", about, SIZE, draw)


def _two_class_plots(two: TwoClass, names: Sequence[str]) -> list[Plot]:
    positive, negative = names[two.positive], names[two.negative]

    def draw_scores(axes: Axes) -> None:
        parts = {
            f"{shorten(positive)} ({two.is_positive.sum():,})": (two.scores[two.is_positive], FIRST),
            f"{shorten(negative)} ({(~two.is_positive).sum():,})": (two.scores[~two.is_positive], SECOND),
        }
        _histogram(axes, parts)
        _mark_thresholds(axes, two)
        axes.set_xlabel(f"score of {shorten(positive)}")
        _legend(axes)

    def draw_roc(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.2, linestyle="--", label="guessing")
        axes.plot(two.roc.x, two.roc.y, color=FIRST, label=f"area {two.roc_auc:.4f}", clip_on=False)
        _unit_square(axes, f"{shorten(negative)} called {shorten(positive)}", f"{shorten(positive)} found")

    def draw_precision_recall(axes: Axes) -> None:
        label = f"average precision {two.average_precision:.4f}"
        share = float(two.is_positive.mean())
        axes.plot([0, 1], [share, share], color=FAINT, linewidth=1.2, linestyle="--", label="guessing")
        axes.step(two.precision_recall.x, two.precision_recall.y, color=FIRST, label=label, where="post")
        _unit_square(axes, f"recall: {shorten(positive)} found", "precision: right among those found")

    def draw_sweep(axes: Axes) -> None:
        sweep = two.validation_sweep or two.sweep
        wrong_positive, wrong_negative = sweep.false_negative_rate, sweep.false_positive_rate
        axes.plot(sweep.thresholds, wrong_positive, color=FIRST, label=f"{shorten(positive)} missed")
        axes.plot(sweep.thresholds, wrong_negative, color=SECOND, label=f"{shorten(negative)} called {positive}")
        axes.plot(sweep.thresholds, sweep.f1, color=INK, linewidth=1.2, linestyle=":", label="F1")
        _mark_thresholds(axes, two)
        _unit_square(axes, "threshold", "share of the class; F1", square=False)

    where = "validation data" if two.validation_sweep else "the data evaluated"
    return [
        Plot("scores", "Scores of both classes", "The less the two overlap, the better.", SIZE, draw_scores),
        Plot("sweep", f"Threshold sweep on {where}", f"A picture is called {positive} from the threshold up: "
             "the errors of both classes, and F1.", SIZE, draw_sweep),
        Plot("roc", "ROC curve", "Each point is a threshold; the nearer to the upper left corner, the better.",
             SIZE, draw_roc),
        Plot("precision_recall", "Precision and recall",
             "Each point is a threshold; the nearer to the upper right corner, the better.",
             SIZE, draw_precision_recall),
    ]  # fmt: skip


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
        _unit_square(axes, "score of the answer", "share that is right")

    about = "Of the answers with a score of 80 %, 80 % should be right. Below the line the model is too sure of itself."
    return Plot("reliability", "Can the scores be trusted?", about, SIZE, draw)


def _histogram(axes: Axes, parts: dict[str, tuple[np.ndarray, str]]) -> None:
    pictures = sum(len(scores) for scores, _color in parts.values())
    bins = np.linspace(0, 1, 1 + (50 if pictures > 500 else 25))
    for label, (scores, color) in parts.items():
        axes.hist(scores, bins, color=color, alpha=0.65, label=label)
    axes.set_xlim(0, 1)
    _percent(axes.xaxis)
    axes.set_ylabel("pictures")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y")


def _mark_thresholds(axes: Axes, two: TwoClass) -> None:
    axes.axvline(two.used.threshold, color=INK, linewidth=1.2, linestyle="--", label=f"{two.used.threshold:.3g} used")
    if two.recommended:
        threshold = two.recommended.threshold
        axes.axvline(threshold, color=THIRD, linewidth=2, label=f"{threshold:.3g} recommended ({two.criterion})")


def _unit_square(axes: Axes, x: str, y: str, square: bool = True) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
    if square:
        axes.set_aspect("equal")
    _percent(axes.xaxis)
    _percent(axes.yaxis)
    axes.grid()
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Explain the colours below the plot, where nothing is hidden by it."""
    axes.figure.legend(loc="outside lower center", ncols=2)


def _percent(axis) -> None:
    axis.set_major_formatter(lambda value, _position: f"{100 * value:g} %")
