"""All that an evaluation found, and its way into metrics.json and suspects.csv."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import UsageError
from evaluation.coverage import Chosen, Coverage
from evaluation.metrics import Evaluation
from evaluation.output import METRICS_FILE, SUSPECTS_FILE
from evaluation.proportions import Proportion
from evaluation.significance import Comparison
from evaluation.thresholds import AtThreshold, TwoClass
from outputs.rows import PATH_ERRORS, shortest

FORMAT = 1  # of metrics.json
SUSPECT_COLUMNS = ("path", "model", "label", "suggested", "score", "label_score", "margin")
MOST_CLASSES_IN_MATRIX = 150  # in metrics.json; of more, the confused pairs say the same in less room


@dataclass(frozen=True)
class Failure:
    """A picture that is in no figure."""

    path: str
    label: str
    error: str


@dataclass(frozen=True)
class Findings:
    """What a run found, for all its models."""

    data: str  # where the pictures are
    pictures: int  # those that failed included
    evaluations: tuple[Evaluation, ...]
    comparisons: tuple[Comparison, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    options: dict[str, str]
    max_pixels: int
    left_out: int = 0  # pictures that a model knows from its training, which are not among the others
    title: str = ""
    root: str = ""  # the folder that paths in suspects.csv are relative to
    held_out: tuple[Evaluation, ...] = ()  # of other pictures, that are only searched for wrong labels

    @property
    def heading(self) -> str:
        """What is written above all."""
        return self.title or f"Evaluation of {self.data}"


def write_metrics(findings: Findings, folder: Path) -> None:
    """Save all figures as JSON."""
    content = {
        "format": FORMAT,
        "data": findings.data,
        "options": findings.options,
        "notes": list(findings.notes),
        "pictures": findings.pictures,
        "left_out": findings.left_out,
        "failed": [vars(failure) for failure in findings.failures],
        "models": [_model(evaluation) for evaluation in findings.evaluations],
        "comparisons": [{**one._asdict(), "verdict": one.verdict} for one in findings.comparisons],
    }
    text = json.dumps(content, indent=2, allow_nan=False)  # paths may hold bytes that are not UTF-8: they are escaped
    (folder / METRICS_FILE).write_text(f"{text}\n", encoding="utf-8")


def write_suspects(findings: Findings, folder: Path) -> None:
    """Save the labels that are probably wrong, by each model, as CSV; raises UsageError when that cannot be done."""
    path = folder / SUSPECTS_FILE
    try:
        with open(path, "w", encoding="utf-8", errors=PATH_ERRORS, newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(SUSPECT_COLUMNS)
            for one in (*findings.evaluations, *findings.held_out):
                writer.writerows(_suspects(one, findings.root))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def _suspects(one: Evaluation, root: str) -> Iterator[list[str]]:
    for suspect in one.suspects:
        path = one.paths[suspect.row].removeprefix(f"{root}/") if root else one.paths[suspect.row]
        names = one.names[one.answers.true[suspect.row]], one.names[suspect.suggested]
        figures = suspect.score, suspect.label_score, suspect.margin
        yield [path, one.model, *names, *(str(shortest(figure)) for figure in figures)]


def _model(evaluation: Evaluation) -> dict[str, Any]:
    names = evaluation.names
    shown = evaluation.shown_classes
    return {
        "model": evaluation.model,
        "top1": _share(evaluation.top1),
        "top5": evaluation.top5 and _share(evaluation.top5),
        "log_loss": evaluation.log_loss,
        "expected_calibration_error": evaluation.ece,
        "calibration_bins": [vars(row) for row in evaluation.reliability],
        "macro": evaluation.macro._asdict(),
        "weighted": evaluation.weighted._asdict(),
        "classes": [
            {name: value for name, value in vars(row).items() if name != "index"} for row in evaluation.classes
        ],
        "confused": [
            {"true": names[pair.true], "predicted": names[pair.predicted], "count": pair.count}
            for pair in evaluation.confused
        ],
        "confusion": _confusion(evaluation, shown) if len(shown) <= MOST_CLASSES_IN_MATRIX else None,
        "coverage": _coverage(evaluation.coverage),
        "suspects": len(evaluation.suspects),
        "two_classes": evaluation.two_class and _two_class(evaluation.two_class, names),
    }


def _confusion(evaluation: Evaluation, shown: Sequence[int]) -> dict[str, Any]:
    return {"labels": [evaluation.names[index] for index in shown], "counts": evaluation.confusion(shown).tolist()}


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "chosen": [_at(point) for point in coverage.chosen],
        "thresholds": coverage.thresholds.tolist(),
        "answered": coverage.answered.tolist(),
        "right": coverage.right.tolist(),
    }


def _two_class(two: TwoClass, names: Sequence[str]) -> dict[str, Any]:
    return {
        "positive": names[two.positive],
        "roc_auc": two.roc_auc,
        "average_precision": two.average_precision,
        "criterion": two.criterion,
        "used": _at(two.used),
        "recommended": two.recommended and _at(two.recommended),
    }


def _at(point: AtThreshold | Chosen) -> dict[str, Any]:
    return {name: _share(value) if isinstance(value, Proportion) else value for name, value in point._asdict().items()}


def _share(value: Proportion) -> dict[str, Any]:
    return {"value": value.value, "interval_95": [value.low, value.high], "count": value.count, "of": value.of}
