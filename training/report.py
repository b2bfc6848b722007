"""What a run leaves for people: its history as a table and a plot, and how it does on the test pictures."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.dataset import Picture
from training.fit import best_row
from training.output import HISTORY_FILE, PLOT_FILE, PREDICTIONS_FILE, TEST_FILE

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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        _draw(axes, history, name)
        axes.set(title=name.capitalize(), xlabel="epoch")
        axes.set_ylim((0, None) if name == "loss" else (None, 1.005))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper right" if name == "loss" else "lower right")
    FigureCanvasAgg(figure).print_png(folder / PLOT_FILE, metadata={"Software": None})


def _draw(axes, history: History, name: str) -> None:
    """Draw a line for training and one for validation through all phases, with a dot on the epochs that were kept."""
    done = 0
    for phase, rows in history.items():
        if done:
            axes.axvline(done, color="black", linewidth=0.8, linestyle=":")
        for column, label, color in ((name, "training", "C0"), (f"val_{name}", "validation", "C1")):
            there = [row for row in rows if column in row]
            axes.plot(
                [done + row["epoch"] for row in there], [row[column] for row in there], f"{color}.-",
                markersize=3, label=None if done else label,
            )  # fmt: skip
        best = best_row(rows)
        marker = "k^" if done else "ko"
        axes.plot(done + best["epoch"], best[f"val_{name}"], marker, label=f"kept of {phase}: epoch {best['epoch']}")
        done += rows[-1]["epoch"]


def measure(labels: np.ndarray, scores: np.ndarray, classes: Sequence[str]) -> dict:
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
    folder: Path, pictures: Sequence[Picture], labels: np.ndarray, scores: np.ndarray, classes: Sequence[str]
) -> dict:
    """Save the results on the test pictures and every prediction; return the results."""
    results = measure(labels, scores, classes)
    with open(folder / PREDICTIONS_FILE, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "class", "predicted", "right", *classes))
        for picture, row in zip(pictures, scores, strict=True):
            predicted = classes[row.argmax()]
            right = "yes" if predicted == picture.label else "no"
            writer.writerow((picture.path, picture.label, predicted, right, *(f"{score:.6f}" for score in row)))
    (folder / TEST_FILE).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return results
