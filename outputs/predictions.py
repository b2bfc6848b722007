"""predictions.csv: what models say of labelled pictures, a row for each picture and model, in the order of the data.

Columns: path, model, label (as given), answer, right (yes, no), error, and of the best five
labels: label_1, score_1, label_2 ... Without an answer those are empty, and `error` says why.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from errors import UsageError
from outputs.rows import PATH_ERRORS, shortest

if TYPE_CHECKING:
    import numpy as np

PREDICTIONS_FILE = "predictions.csv"
MOST_LABELS = 5  # of a picture, or all when there are fewer


class PredictionsFile:
    """Writes the rows as the pictures are answered; without any, an error leaves no file.

    `classes` are named in the order of the scores. Raises UsageError when the file cannot be written.
    """

    def __init__(self, folder: Path, models: Sequence[str], classes: Sequence[str]) -> None:
        self._models, self._classes = models, classes
        self._ranks = min(MOST_LABELS, len(classes))
        self._path = folder / PREDICTIONS_FILE
        self._is_empty = True
        try:
            self._file = open(self._path, "w", encoding="utf-8", errors=PATH_ERRORS, newline="")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror}") from error
        self._writer = csv.writer(self._file, lineterminator="\n")
        ranked = [f"{name}_{rank}" for rank in range(1, self._ranks + 1) for name in ("label", "score")]
        self._writer.writerow(["path", "model", "label", "answer", "right", "error", *ranked])

    def write(self, path: str, true: int, answers: Sequence[int], scores: Sequence["np.ndarray"]) -> None:
        """Write what each model says of a picture of class `true`: its answer, and its scores, float32 [classes]."""
        for model, answer, row in zip(self._models, answers, scores, strict=True):
            best = (-row).argsort(kind="stable")[: self._ranks]
            ranked = [cell for index in best for cell in (self._classes[index], shortest(float(row[index])))]
            right = "yes" if answer == true else "no"
            self._row([path, model, self._classes[true], self._classes[answer], right, "", *ranked])

    def write_error(self, path: str, true: int, error: str) -> None:
        """Write why a picture has no answer."""
        for model in self._models:
            self._row([path, model, self._classes[true], "", "", error, *[""] * (2 * self._ranks)])

    def _row(self, cells: Sequence[object]) -> None:
        try:
            self._writer.writerow(cells)
            self._is_empty = False
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror}") from error

    def __enter__(self) -> "PredictionsFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error and self._is_empty:  # the run could not begin
            self._path.unlink()
