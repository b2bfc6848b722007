"""What a run leaves for people: its history as a table and a plot, and how it does on the test pictures."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classifiers.folder import HISTORY_FILE, PLOT_FILE, TEST_FILE
from classifiers.manifest import Picture
from drawing.plot import FIRST, INK, SECOND, render, whole_numbers
from outputs.predictions import PredictionsFile
from training.best import best_row

PLOT_SIZE = (11, 4.2)  # inches
COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")

History = dict[str, list[dict[str, float]]]  # of each phase, a row for each epoch


def write_history(folder: Path, history: History) -> None:
    """Save a row for each epoch as CSV."""
    with open(folder / HISTORY_FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("phase", *COLUMNS))
        for phase, rows in history.items():
            writer.writerows((phase, *map(row.get, COLUMNS)) for row in rows)


def plot_history(folder: Path, history: History) -> None:
    """Draw loss and accuracy of training and validation over the epochs of all phases."""

    def draw(figure: Figure) -> None:
        for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            _draw(axes, history, name)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    (folder / PLOT_FILE).write_bytes(render(PLOT_SIZE, draw))


def _draw(axes: Axes, history: History, name: str) -> None:
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
        best = best_row(rows)
        axes.plot(
            done + best["epoch"], best[f"val_{name}"], "^" if done else "o", color=INK,
            label=f"kept of {phase}: epoch {best['epoch']}",
        )  # fmt: skip
        done += rows[-1]["epoch"]
    axes.set(title=name.capitalize(), xlabel="epoch", ylim=(0, None) if name == "loss" else (None, 1.005))
    whole_numbers(axes.xaxis)
    axes.grid()


def measure(labels: np.ndarray, scores: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return accuracy and confusion of class numbers [N] against probabilities [N, classes]."""
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, scores.argmax(axis=1)), 1)
    right, there, said = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        "pictures": len(labels),
        "right": int(right.sum()),
        "accuracy": float(right.sum() / len(labels)),
        "classes": {
            name: {
                "pictures": int(there[index]),
                "right": int(right[index]),
                "recall": _share(right[index], there[index]),
                "precision": _share(right[index], said[index]),
            }
            for index, name in enumerate(classes)
        },
        "confusion": {  # a row for each class as it is, with a column for each class as it was called
            "classes": list(classes),
            "counts": confusion.tolist(),
        },
    }


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def write_test(
    folder: Path, model: str, pictures: Sequence[Picture], scores: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Save what a model says of the test pictures, scores [N, classes], and return how good that is."""
    labels = [classes.index(picture.label) for picture in pictures]
    results = measure(np.array(labels), scores, classes)
    with PredictionsFile(folder, [model], classes) as predictions:
        for picture, label, row in zip(pictures, labels, scores, strict=True):
            predictions.write(picture.path, label, [int(row.argmax())], [row])
    (folder / TEST_FILE).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return results
