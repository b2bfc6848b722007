"""Results as JSON Lines: an object for each picture, with lists of its labels, best first.

Fields: path, model, labels, scores, class_ids, error ("" for a picture that was classified).
ASCII only: other characters are escaped, and so are the bytes of a path that is not UTF-8 (as
"\\udcXX", which Python's json reads back as the very path).
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from outputs.rows import StoredRow, shortest, writable
from results import Result

FIELDS = {"path", "model", "labels", "scores", "class_ids", "error"}


class JsonlFormat:
    """A line for each result."""

    header = ""
    shows_errors = True

    def __init__(self, model: str) -> None:
        self._model = model

    def row(self, result: Result) -> str:
        """Return the line of one picture."""
        row = {
            "path": writable(result.source),
            "model": self._model,
            "labels": [prediction.label for prediction in result.predictions],
            "scores": [shortest(prediction.score) for prediction in result.predictions],
            "class_ids": [prediction.class_id for prediction in result.predictions],
            "error": result.error,
        }
        return json.dumps(row) + "\n"

    def footer(self) -> str:
        """Return nothing: the rows say it all."""
        return ""

    def read(self, file: BinaryIO) -> Iterator[StoredRow]:
        """Yield the whole rows; raises ValueError for one that is not of this format."""
        for line in file:
            if line.endswith(b"\n"):
                row = json.loads(line)
                if not isinstance(row, dict) or row.keys() != FIELDS or not isinstance(row["path"], str):
                    raise ValueError(f"not an object with the fields {', '.join(sorted(FIELDS))}")
                best = (row["labels"][0], row["scores"][0]) if row["labels"] else ("", 0)
                yield StoredRow(row["path"], row["error"], file.tell(), *best)
