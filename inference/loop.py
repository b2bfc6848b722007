"""The one inference loop: Frames in, what an engine says of each out, in order and in constant memory."""

from collections.abc import Iterable, Iterator

import numpy as np

from engines import Engine
from settings import BATCH_SIZE
from sources.frames import Frame

MOST_UNREADABLE = 1000  # frames that wait for a batch to fill
MOST_KEPT_BYTES = 2**26  # of pictures that wait with their frames
PATIENCE = 0.2  # seconds that a batch waits for a source of paths that is slow


def predict_frames(
    frames: Iterable[Frame | None], engine: Engine, batch_size: int = BATCH_SIZE
) -> Iterator[tuple[Frame, np.ndarray | None]]:
    """Yield each Frame with what the engine says of it, float32 [outputs], or with None when it is unreadable."""
    for batch in _batches(frames, batch_size):
        readable = [frame.square for frame in batch if frame.square is not None]
        outputs = iter(engine.predict(np.stack(readable)) if readable else ())
        for frame in batch:
            yield frame, None if frame.square is None else next(outputs)


def _batches(frames: Iterable[Frame | None], batch_size: int) -> Iterator[list[Frame]]:
    """Group frames by `batch_size` readable ones, with the unreadable ones between them, up to a bound.

    A None among the frames says that the next one is not there yet: the frames that are there need not wait.
    """
    batch: list[Frame] = []
    readable = kept_bytes = 0
    for frame in frames:
        if frame is not None:
            batch.append(frame)
            readable += frame.square is not None
            kept_bytes += frame.kept_bytes
        is_full = readable == batch_size or len(batch) == MOST_UNREADABLE + batch_size or kept_bytes > MOST_KEPT_BYTES
        if batch and (is_full or frame is None):
            yield batch
            batch, readable, kept_bytes = [], 0, 0
    if batch:
        yield batch
