"""What a run leaves for people: its history as a table, and how it does on the test pictures."""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import Classifier
from classifiers.folder import HISTORY_FILE, TEST_FILE
from classifiers.manifest import Picture
from drawing.plot import Plot
from evaluation.answers import AnswerStore
from evaluation.findings import Findings, write_metrics
from evaluation.metrics import Evaluation
from evaluation.proportions import proportion
from evaluation.report import write_report
from evaluation.run import Outcome, TwoClassSettings, judge, note_on_classes
from outputs.predictions import PredictionsFile
from training.curves import History
from training.options import Options

WIDE_INTERVAL = 0.1  # of an accuracy that says little: 95 % cannot be told from 99 %
COLUMNS = ("epoch", "strength", "loss", "accuracy", "val_loss", "val_accuracy")


def write_history(folder: Path, history: History) -> None:
    """Save a row for each epoch, and for each strength of a linear head's penalty, as CSV."""
    with open(folder / HISTORY_FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("phase", *COLUMNS))
        for phase, rows in history.items():
            writer.writerows((phase, *map(row.get, COLUMNS)) for row in rows)


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


@dataclass(frozen=True)
class Answered:
    """What a classifier says of pictures that it has not seen in training."""

    pictures: Sequence[Picture]
    scores: np.ndarray  # float32 [N, classes]


@dataclass(frozen=True)
class Extras:
    """What a report shows besides the test pictures."""

    held_out: Answered | None = None  # pictures of training, as judged by a classifier that had not seen them
    curves: Sequence[Plot] = ()
    classifier: Classifier | None = None  # that explains mistakes


def write_test(
    folder: Path, options: Options, model: str, tested: Answered, classes: Sequence[str], extras: Extras = Extras()
) -> dict[str, Any]:
    """Save what a model says of the test pictures, and return how good that is.

    The report and the table of predictions are those of an evaluation. Raises UsageError when they cannot be written.
    """
    with PredictionsFile(folder, [model], classes) as predictions:
        outcome = _outcome(options, tested, classes, predictions)
    results = measure(np.array(outcome.true), tested.scores, classes)
    notes = [*note_on_classes(len(set(outcome.true)), len(classes)), *note_on_interval(results)]
    _write_report(folder, options, model, classes, outcome, notes, extras)
    (folder / TEST_FILE).write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return results


def _outcome(
    options: Options, answered: Answered, classes: Sequence[str], predictions: PredictionsFile | None = None
) -> Outcome:
    outcome = Outcome([AnswerStore(len(classes))])
    for picture, row in zip(answered.pictures, answered.scores, strict=True):
        label = classes.index(picture.label)
        answers = outcome.add(os.path.join(options.data, picture.path), label, [row])
        if predictions:
            predictions.write(picture.path, label, answers, [row])
    return outcome


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
    folder: Path, options: Options, model: str, classes: Sequence[str], outcome: Outcome, notes: Sequence[str],
    extras: Extras,
) -> None:  # fmt: skip
    """Write report.html with its plots and galleries, and metrics.json, as evaluate_classifier.py does."""
    settings = TwoClassSettings(positive=1, criterion="equal-error")
    evaluations = judge([model], tuple(classes), outcome, [None], settings)
    held_out: tuple[Evaluation, ...] = ()
    if extras.held_out:
        held_out = judge([model], tuple(classes), _outcome(options, extras.held_out, classes), [None], settings)
    title = f"Trained classifier {model} on its test pictures"
    findings = Findings(
        options.data, outcome.pictures, evaluations, (), (), tuple(notes), _told(options), options.max_pixels,
        title=title, held_out=held_out, root=options.data,
    )  # fmt: skip
    write_metrics(findings, folder)
    write_report(findings, folder, [extras.classifier] if extras.classifier else [], extras.curves)


def _told(options: Options) -> dict[str, str]:
    """Return the options of a run by their names, but for those that say nothing."""
    return {
        f"--{name.replace('_', '-')}": " ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in asdict(options).items()
        if value is not None and value is not False and value != []
    }
