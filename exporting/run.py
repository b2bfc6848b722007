"""What an export does, in order: the suite's own scores, and then each file is written, run and compared."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifiers import Classifier
from classifiers.folder import LABELS_FILE
from exporting.card import describe, labels_text, metadata
from exporting.children import carry_out
from exporting.formats import CALIBRATED, FLOAT32, TOLERANCES, Format
from exporting.order import Order
from exporting.output import CARD_FILE, USE_FILE, written_folder
from exporting.proof import Proof, check_scores, judge, share_of_same_answers


@dataclass(frozen=True)
class Plan:
    """What is to be exported, and what it is proved on."""

    classifier: Classifier
    formats: tuple[Format, ...]
    precisions: tuple[str, ...]
    output: Path
    squares: np.ndarray  # uint8 RGB [N, S, S, 3] of the pictures that all scores are compared on
    calibration: np.ndarray  # those that the ranges of int8 come from
    tolerance: float | None = None  # of a probability; None: that of each precision


def export(plan: Plan, tell: Callable[[Proof], None]) -> None:
    """Write the folder of an export, and `tell` of each file what was found; raises UsageError, and leaves nothing."""
    scores = plan.classifier.predict(plan.squares)
    check_scores(plan.classifier.name, scores)
    with written_folder(plan.output) as folder:
        kept = []
        for row in plan.formats:
            for precision in _with_float32(plan.precisions):
                proof = _export_one(plan, row, precision, folder, scores)
                tell(proof)
                if precision in plan.precisions:
                    kept.append(proof)
                else:
                    _remove(folder, proof)
        (folder / LABELS_FILE).write_text(labels_text(plan.classifier), encoding="utf-8", newline="\n")
        shutil.copyfile(USE_FILE, folder / USE_FILE.name)
        card = json.dumps(describe(plan.classifier, kept, folder), indent=2, ensure_ascii=False)
        (folder / CARD_FILE).write_text(card + "\n", encoding="utf-8", newline="\n")


def _with_float32(precisions: tuple[str, ...]) -> list[str]:
    """Return the precisions after float32, which the others are measured beside."""
    return list(dict.fromkeys((FLOAT32, *precisions)))


def _export_one(plan: Plan, row: Format, precision: str, folder: Path, scores: np.ndarray) -> Proof:
    path = folder / row.file_name(precision)
    calibration = plan.calibration if precision == CALIBRATED else plan.squares[:0]
    order = Order(row.name, precision, _portable(plan.classifier), path, metadata(plan.classifier), calibration)
    written = carry_out("write", order)
    found = carry_out("run", replace(order, squares=plan.squares))
    tolerance = TOLERANCES[precision] if plan.tolerance is None else plan.tolerance
    paths = [path, *(path.with_suffix(suffix) for suffix in row.also)]
    return Proof(
        row.name, precision, tuple(path.name for path in paths), f"{row.runtime} {found['version']}",
        sum(map(_size, paths)), len(scores), judge(f"{row.name} in {precision}", scores, found, tolerance), tolerance,
        share_of_same_answers(scores, found["alone"], plan.classifier.decision_threshold),
        1000 * found["seconds"], written["seconds"],
    )  # fmt: skip


def _portable(classifier: Classifier) -> Classifier:
    """Return a classifier for a process with another current folder."""
    if not classifier.weights.is_file:
        return classifier
    return replace(classifier, weights=replace(classifier.weights, source=os.path.abspath(classifier.weights.source)))


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(each.stat().st_size for each in [path, *path.rglob("*")] if each.is_file())


def _remove(folder: Path, proof: Proof) -> None:
    for name in proof.paths:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
