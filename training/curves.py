"""How a training run went, as plots: loss and accuracy of each epoch, or of each strength of a linear head."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classifiers.folder import PLOT_FILE
from drawing.plot import FIRST, INK, SECOND, SIZE, Plot, legend, render, whole_numbers

PLOT_SIZE, PLOT_DPI = (11, 4.2), 132  # inches, and dots per inch

Row = dict[str, float]  # the figures of an epoch, or of a strength
History = Mapping[str, Sequence[Row]]  # of each phase


def plot_history(folder: Path, history: History, kept: dict[str, Row]) -> None:
    """Draw loss and accuracy beside each other, as history.png."""

    def draw(figure: Figure) -> None:
        for axes, plot in zip(figure.subplots(1, 2), _curves(history, kept), strict=True):
            plot(axes)
        for axes, title in zip(figure.axes, ("Loss", "Accuracy"), strict=True):
            axes.set_title(title)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    (folder / PLOT_FILE).write_bytes(render(PLOT_SIZE, draw, dpi=PLOT_DPI))


def history_plots(history: History, kept: dict[str, Row]) -> list[Plot]:
    """Return the same as two plots for a page."""
    of_each = "after each epoch; what was kept is marked" if _epochs(history) else (
        "of pictures held out, for each strength of the penalty; the one that was kept is marked"
    )  # fmt: skip
    plots = []
    for name, curve in zip(("loss", "accuracy"), _curves(history, kept), strict=True):
        plots.append(Plot(name, name.capitalize(), f"{name.capitalize()} {of_each}.", SIZE, _with_legend(curve)))
    return plots


def _with_legend(curve: Callable[[Axes], None]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        curve(axes)
        legend(axes)

    return draw


def _curves(history: History, kept: dict[str, Row]) -> list[Callable[[Axes], None]]:
    return [lambda axes, name=name: _draw(axes, history, kept, name) for name in ("loss", "accuracy")]  # type: ignore[misc]


def _draw(axes: Axes, history: History, kept: dict[str, Row], name: str) -> None:
    if epochs := _epochs(history):
        _draw_epochs(axes, epochs, kept, name)
    else:
        _draw_strengths(axes, history["head"], kept["head"], name)
    axes.set(ylim=(0, None) if name == "loss" else (None, 1.005))
    axes.grid()


def _epochs(history: History) -> History:
    """Return the phases that have epochs."""
    return {phase: rows for phase, rows in history.items() if "epoch" in rows[0]}


def _draw_strengths(axes: Axes, rows: Sequence[Row], kept: Row, name: str) -> None:
    column = f"val_{name}"
    axes.plot(
        [row["strength"] for row in rows], [row[column] for row in rows], ".-", color=SECOND, linewidth=1.5,
        markersize=4, label="held-out pictures",
    )  # fmt: skip
    axes.plot(kept["strength"], kept[column], "o", color=INK, label=f"kept: {kept['strength']:.3g}")
    axes.set(xscale="log", xlabel="strength of the penalty")
    axes.xaxis.set_major_formatter(lambda strength, _position: f"{strength:g}")


def _draw_epochs(axes: Axes, history: History, kept: dict[str, Row], name: str) -> None:
    """Draw a line for training and one for validation through all phases, with a dot on the epochs that were kept."""
    done = 0.0  # epochs of earlier phases
    for phase, rows in history.items():
        if done:
            axes.axvline(done, color=INK, linewidth=0.8, linestyle=":")
        for column, label, color in ((name, "training", FIRST), (f"val_{name}", "validation", SECOND)):
            there = [row for row in rows if column in row]
            axes.plot(
                [done + row["epoch"] for row in there], [row[column] for row in there], ".-", color=color,
                linewidth=1.5, markersize=4, label=None if done else label,
            )  # fmt: skip
        best = kept[phase]
        axes.plot(
            done + best["epoch"], best[f"val_{name}"], "^" if done else "o", color=INK,
            label=f"kept of {phase}: epoch {best['epoch']}",
        )  # fmt: skip
        done += rows[-1]["epoch"]
    axes.set_xlabel("epoch")
    whole_numbers(axes.xaxis)
