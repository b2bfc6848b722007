"""predictions.csv: a row for each picture and model, in the order of the data.

Columns: path, model, label (as given), answer, right (yes, no), error, and of the best five
labels: label_1, score_1, label_2 ... Without an answer those are empty, and `error` says why.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from errors import UsageError
from evaluation.answers import KEPT_BEST
from outputs.rows import PATH_ERRORS, shortest

PREDICTIONS_FILE = "predictions.csv"


class PredictionsFile:
    """Writes the rows as the pictures are answered; without any, an error leaves no file."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._names = names
        self._kept = min(KEPT_BEST, len(names))
        self._path = folder / PREDICTIONS_FILE
        self._is_empty = True
        try:
            self._file = open(self._path, "w", encoding="utf-8", errors=PATH_ERRORS, newline="")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror}") from error
        self._writer = csv.writer(self._file, lineterminator="\n")
        ranked = [f"{name}_{rank}" for rank in range(1, self._kept + 1) for name in ("label", "score")]
        self._writer.writerow(["path", "model", "label", "answer", "right", "error", *ranked])

    def write(self, path: str, model: str, true: int, answer: int, scores: np.ndarray) -> None:
        """Write what a model says of a picture of class `true`: scores, float32 [classes]."""
        best = np.argsort(-scores, kind="stable")[: self._kept]
        ranked = [cell for index in best for cell in (self._names[index], shortest(float(scores[index])))]
        right = "yes" if answer == true else "no"
        self._row([path, model, self._names[true], self._names[answer], right, "", *ranked])

    def write_error(self, path: str, model: str, true: int, error: str) -> None:
        """Write why a picture has no answer."""
        self._row([path, model, self._names[true], "", "", error, *[""] * (2 * self._kept)])

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
