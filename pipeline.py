"""The one inference loop: frames in, results out, in the same order."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from defaults import BATCH_SIZE, TOP_K
from engines import Engine
from labels import ClassLabel
from results import Prediction, Result
from sources import Frame

MOST_UNREADABLE = 1000  # frames that wait for a batch to fill


def classify_frames(
    frames: Iterable[Frame | None],
    engine: Engine,
    labels: Sequence[ClassLabel],
    top_k: int = TOP_K,
    batch_size: int = BATCH_SIZE,
    threshold: float = 0,
) -> Iterator[Result]:
    """Yield one Result for each Frame, in order; an unreadable frame's carries its error."""
    for frame, scores in predict_frames(frames, engine, batch_size):
        if scores is None:
            yield Result(frame.source, error=frame.error)
        else:
            yield to_result(frame.source, scores, labels, top_k, threshold)


def predict_frames(
    frames: Iterable[Frame | None], engine: Engine, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[Frame, np.ndarray | None]]:
    """Yield each Frame with what the engine says of it, float32 [outputs], or with None when it is unreadable."""
    for batch in _batches(frames, batch_size):
        readable = [frame.pixels for frame in batch if frame.pixels is not None]
        outputs = iter(engine.predict(np.stack(readable)) if readable else ())
        for frame in batch:
            yield frame, None if frame.pixels is None else next(outputs)


def _batches(frames: Iterable[Frame | None], batch_size: int) -> Iterator[list[Frame]]:
    """Group frames by `batch_size` readable ones, with the unreadable ones between them, up to a bound.

    A None among the frames says that the next one is not there yet: what there is need not wait.
    """
    batch: list[Frame] = []
    readable = 0
    for frame in frames:
        if frame is not None:
            batch.append(frame)
            readable += frame.pixels is not None
        is_full = readable == batch_size or len(batch) == MOST_UNREADABLE + batch_size
        if batch and (is_full or frame is None):
            yield batch
            batch, readable = [], 0
    if batch:
        yield batch


def to_result(
    source: str, scores: np.ndarray, labels: Sequence[ClassLabel], top_k: int = TOP_K, threshold: float = 0
) -> Result:
    """Name the `top_k` best of one picture's class probabilities, float32 [classes], from `threshold` up."""
    if not np.isfinite(scores).all():
        return Result(source, error="the model's scores are not numbers; its weights are damaged or do not fit it")
    best = [index for index in np.argsort(-scores, kind="stable")[:top_k] if scores[index] >= threshold]
    return Result(source, tuple(Prediction(*labels[index], float(scores[index])) for index in best))
