"""What models said of labelled pictures, as thin rows: some tens of bytes for each picture and model."""

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from inference.scores import decide

KEPT_BEST = 5  # labels of each picture


@dataclass(frozen=True)
class Answers:
    """What one model said, a row for each picture that every model answered, in the order of the data."""

    true: np.ndarray  # int32 [N], the class that the picture is labelled with
    predicted: np.ndarray  # int32 [N], the model's answer
    top: np.ndarray  # int32 [N, K], best first; K is 5, or the number of classes when that is less
    top_scores: np.ndarray  # float32 [N, K]
    true_score: np.ndarray  # float32 [N], the score of the class that the picture is labelled with

    @property
    def right(self) -> np.ndarray:
        """Whether the answer is the picture's label, bool [N]."""
        return self.predicted == self.true

    @property
    def score(self) -> np.ndarray:
        """The score of the answer, float32 [N]; not the best one where a threshold decided so."""
        second = self.top_scores[:, -1]  # of two classes
        return np.where(self.predicted == self.top[:, 0], self.top_scores[:, 0], second)

    def score_of(self, index: int) -> np.ndarray:
        """Return the scores of one of two classes, float64 [N]."""
        return np.where(self.top[:, 0] == index, self.top_scores[:, 0], self.top_scores[:, 1]).astype(np.float64)


class AnswerStore:
    """Collects the answers of one model, of `classes` classes; `decision` as in `inference.scores.decide`."""

    def __init__(self, classes: int, decision: float | None = None) -> None:
        self._kept = min(KEPT_BEST, classes)
        self._decision = decision
        self._top, self._predicted = array("i"), array("i")
        self._top_scores, self._true_score = array("f"), array("f")

    def add(self, true: int, scores: np.ndarray) -> int:
        """Keep what is needed of one picture's scores, float32 [classes]; return the class that is the answer."""
        best = np.argsort(-scores, kind="stable")[: self._kept]
        predicted = decide(scores, self._decision)
        self._top.extend(best.tolist())
        self._top_scores.extend(scores[best].tolist())
        self._true_score.append(float(scores[true]))
        self._predicted.append(predicted)
        return predicted

    def answers(self, true: array) -> Answers:
        """Return all rows, beside the classes that the pictures are labelled with."""
        return Answers(
            true=np.frombuffer(true, np.int32),
            predicted=np.frombuffer(self._predicted, np.int32),
            top=np.frombuffer(self._top, np.int32).reshape(-1, self._kept),
            top_scores=np.frombuffer(self._top_scores, np.float32).reshape(-1, self._kept),
            true_score=np.frombuffer(self._true_score, np.float32),
        )


class PathList(Sequence[str]):
    """Paths in one piece of memory: a string object for each would take twice the room."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")

    def append(self, path: str) -> None:
        """Add a path at the end."""
        self._bytes += os.fsencode(path)
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return one path, or several."""
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        index = range(len(self._ends))[index]
        start = self._ends[index - 1] if index else 0
        return os.fsdecode(bytes(self._bytes[start : self._ends[index]]))

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))
