"""What a classifier says about one picture. No pixels in it, so a million results can stream."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Prediction(NamedTuple):
    """One label with its probability (0 to 1)."""

    class_id: str
    label: str
    score: float


@dataclass(frozen=True)
class Result:
    """One picture's predictions, best first; `error` says why there are none."""

    source: str
    predictions: tuple[Prediction, ...] = ()
    error: str = ""


class Explanation(NamedTuple):
    """Where in a picture a class is seen."""

    label: str
    score: float  # the probability of the label
    map: "np.ndarray"  # float32 [height, width] of the upright picture, 0 to 1
