"""What a run leaves for people: its history as a table and a plot, and how it does on the test pictures."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classifiers.folder import HISTORY_FILE, PLOT_FILE, TEST_FILE
from classifiers.manifest import Picture
from drawing.plot import FIRST, INK, SECOND, render, whole_numbers
from evaluation.answers import AnswerStore
from evaluation.findings import Findings, write_metrics
from evaluation.proportions import proportion
from evaluation.report import write_report
from evaluation.run import Outcome, TwoClassSettings, judge, note_on_classes
from outputs.predictions import PredictionsFile
from training.options import Options

PLOT_SIZE = (11, 4.2)  # inches
WIDE_INTERVAL = 0.1  # of an accuracy that says little: 95 % cannot be told from 99 %
COLUMNS = ("epoch", "strength", "loss", "accuracy", "val_loss", "val_accuracy")

Row = dict[str, float]  # the figures of an epoch, or of a strength
History = dict[str, list[Row]]  # of each phase


def write_history(folder: Path, history: History) -> None:
    """Save a row for each epoch, and for each strength of a linear head's penalty, as CSV."""
    with open(folder / HISTORY_FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("phase", *COLUMNS))
        for phase, rows in history.items():
            writer.writerows((phase, *map(row.get, COLUMNS)) for row in rows)


def plot_history(folder: Path, history: History, kept: dict[str, Row]) -> None:
    """Draw loss and accuracy over the epochs of all phases, or of a linear head over the strengths of its penalty."""
    epochs = {phase: rows for phase, rows in history.items() if "epoch" in rows[0]}

    def draw(figure: Figure) -> None:
        for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            if epochs:
                _draw_epochs(axes, epochs, kept, name)
            else:
                _draw_strengths(axes, history["head"], kept["head"], name)
            axes.set(title=name.capitalize(), ylim=(0, None) if name == "loss" else (None, 1.005))
            axes.grid()
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))

    (folder / PLOT_FILE).write_bytes(render(PLOT_SIZE, draw))


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


def measure(labels: np.ndarray, scores: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return accuracy and confusion of class numbers [N] against probabilities [N, classes], for test.json."""
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, scores.argmax(axis=1)), 1)
    right, there, said = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    accuracy = proportion(int(right.sum()), len(labels))
    return {
        "pictures": accuracy.of,
        "right": accuracy.count,
        "accuracy": accuracy.value,
        "interval_95": [accuracy.low, accuracy.high],
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
    folder: Path, options: Options, model: str, pictures: Sequence[Picture], scores: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    """Save what a model says of the test pictures, scores [N, classes], and return how good that is.

    The report and the table of predictions are those of an evaluation. Raises UsageError when they cannot be written.
    """
    labels = [classes.index(picture.label) for picture in pictures]
    outcome = Outcome([AnswerStore(len(classes))])
    with PredictionsFile(folder, [model], classes) as predictions:
        for picture, label, row in zip(pictures, labels, scores, strict=True):
            answers = outcome.add(os.path.join(options.data, picture.path), label, [row])
            predictions.write(picture.path, label, answers, [row])
    results = measure(np.array(labels), scores, classes)
    notes = [*note_on_classes(len(set(labels)), len(classes)), *note_on_interval(results)]
    _write_report(folder, options, model, classes, outcome, notes)
    (folder / TEST_FILE).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return results


def note_on_interval(results: dict[str, Any]) -> list[str]:
    """Return what readers should know where there are too few test pictures to tell how good a classifier is."""
    low, high = results["interval_95"]
    if high - low <= WIDE_INTERVAL:
        return []
    return [
        f"{results['pictures']:,} test pictures tell little: of others like them, {low:.1%} to {high:.1%} may be "
        "right; more of them, or a larger share (--split 60 20 20), tell more"
    ]


def _write_report(
    folder: Path, options: Options, model: str, classes: Sequence[str], outcome: Outcome, notes: Sequence[str]
) -> None:
    """Write report.html with its plots and galleries, and metrics.json, as evaluate_classifier.py does."""
    settings = TwoClassSettings(positive=1, criterion="equal-error")
    evaluations = judge([model], tuple(classes), outcome, [None], settings)
    title = f"Trained classifier {model} on its test pictures"
    findings = Findings(
        options.data, outcome.pictures, evaluations, (), (), tuple(notes), _told(options), options.max_pixels,
        title=title,
    )  # fmt: skip
    curves = folder / PLOT_FILE
    write_metrics(findings, folder)
    write_report(findings, folder, curves.read_bytes() if curves.exists() else None)


def _told(options: Options) -> dict[str, str]:
    """Return the options of a run by their names, but for those that say nothing."""
    return {
        f"--{name.replace('_', '-')}": " ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in asdict(options).items()
        if value is not None and value is not False and value != []
    }
