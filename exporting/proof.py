"""The proof of an export: what its own runtime says of pictures, against the suite's own scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from errors import UsageError
from inference.scores import decide


@dataclass(frozen=True)
class Proof:
    """What was found about the file of a format in a precision."""

    format: str
    precision: str
    paths: tuple[str, ...]  # of its files and folders
    runtime: str  # its name and version
    size: int  # bytes of all files
    pictures: int
    largest_difference: float  # of a probability, over all pictures and classes
    tolerance: float
    same_answer: float  # share of the pictures
    ms_per_picture: float  # on this machine's CPU, one picture at a time
    write_seconds: float


def largest_difference(scores: np.ndarray, answers: Sequence[np.ndarray]) -> float:
    """Return the largest difference of a probability from the suite's, [N, classes], in any of the answers.

    It is not a number where an answer is none, and infinite where an answer has another shape.
    """
    if any(answer.shape != scores.shape for answer in answers):
        return float("inf")
    return float(np.abs(np.stack(answers).astype(np.float64) - scores).max())  # NaN, if any is one


def share_of_same_answers(scores: np.ndarray, answer: np.ndarray, decision_threshold: float | None) -> float:
    """Return for which share of the pictures the class that is the answer is the suite's."""
    pairs = zip(scores, answer, strict=True)
    return float(np.mean([decide(ours, decision_threshold) == decide(its, decision_threshold) for ours, its in pairs]))


def check_scores(name: str, scores: np.ndarray) -> None:
    """Raise UsageError when the suite's own scores are no numbers, so that nothing can be compared with them."""
    if not np.isfinite(scores).all():
        raise UsageError(f"{name}: the model's scores are not numbers; its weights are damaged or do not fit it")


def judge(name: str, scores: np.ndarray, found: dict[str, Any], tolerance: float) -> float:
    """Return the largest difference of what a runtime answered; raises UsageError when it is more than is allowed."""
    difference = largest_difference(scores, [found["alone"], found["together"]])
    if not difference <= tolerance:  # which is what NaN does, too
        raise UsageError(
            f"{name}: its scores differ from the suite's by up to {difference:.2g}, and {tolerance:.2g} is allowed; "
            "nothing was exported (--tolerance allows more)"
        )
    return difference
