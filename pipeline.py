"""The one inference loop: frames in, results out, in the same order."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from defaults import BATCH_SIZE, TOP_K
from engines import Engine
from labels import ClassLabel
from results import Prediction, Result
from sources import Frame

MOST_UNREADABLE = 1000  # frames that wait for a batch to fill


def classify(
    frames: Iterable[Frame],
    engine: Engine,
    labels: Sequence[ClassLabel],
    top_k: int = TOP_K,
    batch_size: int = BATCH_SIZE,
) -> Iterator[Result]:
    """Yield one Result for each Frame, in order; an unreadable frame's carries its error."""
    for batch in _batches(frames, batch_size):
        readable = [frame.pixels for frame in batch if frame.pixels is not None]
        scores = iter(engine.predict(np.stack(readable)) if readable else ())
        for frame in batch:
            if frame.pixels is None:
                yield Result(frame.source, error=frame.error)
            else:
                yield to_result(frame.source, next(scores), labels, top_k)


def _batches(frames: Iterable[Frame], batch_size: int) -> Iterator[list[Frame]]:
    """Group frames by `batch_size` readable ones, with the unreadable ones between them, up to a bound."""
    batch: list[Frame] = []
    readable = 0
    for frame in frames:
        batch.append(frame)
        readable += frame.pixels is not None
        if readable == batch_size or len(batch) == MOST_UNREADABLE + batch_size:
            yield batch
            batch, readable = [], 0
    if batch:
        yield batch


def to_result(source: str, scores: np.ndarray, labels: Sequence[ClassLabel], top_k: int) -> Result:
    """Name the `top_k` best of one picture's class probabilities, float32 [classes]."""
    if not np.isfinite(scores).all():
        return Result(source, error="the model's scores are not numbers; its weights are damaged or do not fit it")
    best = np.argsort(-scores, kind="stable")[:top_k]
    return Result(source, tuple(Prediction(*labels[index], float(scores[index])) for index in best))
