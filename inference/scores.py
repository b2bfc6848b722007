"""What scores mean: the best labels, and the class that is the answer."""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from labels import ClassLabel
from results import Prediction, Result
from settings import TOP_K

NOT_NUMBERS = "the model's scores are not numbers; its weights are damaged or do not fit it"


def to_result(
    source: str,
    scores: np.ndarray,
    labels: Sequence[ClassLabel],
    top_k: int = TOP_K,
    threshold: float = 0,
    decision_threshold: float | None = None,
) -> Result:
    """Name the `top_k` best of one picture's class probabilities, float32 [classes], from `threshold` up.

    With a `decision_threshold` the answer comes first, whatever its score; below `threshold` there is none.
    """
    if not np.isfinite(scores).all():
        return Result(source, error=NOT_NUMBERS)
    ranked = np.argsort(-scores, kind="stable")
    if decision_threshold is not None and decide(scores, decision_threshold) != ranked[0]:
        ranked = ranked[::-1]
    best = takewhile(lambda index: scores[index] >= threshold, ranked[:top_k])
    named = ((labels[index], float(scores[index])) for index in best)
    return Result(source, tuple(Prediction(label.class_id, label.label, score) for label, score in named))


def decide(scores: np.ndarray, decision_threshold: float | None = None) -> int:
    """Return the class that is the answer to one picture's probabilities, float32 [classes]: the best.

    Between two classes, a `decision_threshold` is the least probability of the second one that makes it the answer.
    """
    if decision_threshold is None:
        return int(scores.argmax())
    return int(float(scores[1]) >= decision_threshold)
