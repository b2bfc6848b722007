"""From what the user names to results: `classify()`, and the one inference loop behind it."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

from engines import BACKENDS, PRECISIONS, Engine, LazyEngine, check_classes, load_engine, user_cache_folder
from errors import UsageError
from labels import IMAGENET_FILE, ClassLabel, read_labels
from results import Prediction, Result
from settings import BATCH_SIZE, MAX_PIXELS, MODEL, RESIZE_MODES, TOP_K, WORKERS
from sources.frames import Frame, read_frames
from sources.paths import PathName, find_images
from trained import Spec, TrainedSpec, find_spec

MOST_UNREADABLE = 1000  # frames that wait for a batch to fill
PATIENCE = 0.2  # seconds that a batch waits for a source of paths that is slow
NOT_NUMBERS = "the model's scores are not numbers; its weights are damaged or do not fit it"


def classify(
    images: PathName | Iterable[PathName | Iterable[PathName]],
    model: PathName | Spec = MODEL,
    *,
    weights: PathName | None = None,
    labels: Sequence[ClassLabel] | str | os.PathLike | None = None,
    top_k: int = TOP_K,
    threshold: float = 0,
    resize: str | None = None,
    max_pixels: int = MAX_PIXELS,
    backend: str = "auto",
    device: str = "auto",
    precision: str = "float32",
    batch_size: int = BATCH_SIZE,
    workers: int = WORKERS,
    cache_dir: str | os.PathLike | None = None,
    use_cache: bool = True,
    exclude: Iterable[PathName] = (),
    skip: Callable[[str], bool] | None = None,
) -> Iterator[Result]:
    """Yield a Result for each picture, in order, in constant memory; nothing is read before the first is asked for.

    `images` are files, folders and patterns (see `sources.paths.find_images`); the options are those
    of classify_image.py, and a trained model's folder brings its own weights, labels, resize and
    threshold between two classes.
    `exclude` names folders that are not searched, and `skip` says of each path, in order, whether
    to leave it out. A picture that cannot be read gives a Result with an `error`.
    Raises UsageError at once for an option that makes no sense, and with the first picture for
    weights, a backend, a device or a precision that cannot be had.
    """
    spec = find_spec(os.fspath(model)) if isinstance(model, PathName) else model
    is_trained = isinstance(spec, TrainedSpec)
    resize = resize or (spec.resize if is_trained else "crop")
    _check_choices(resize=(resize, RESIZE_MODES), backend=(backend, BACKENDS), precision=(precision, PRECISIONS))
    _check_numbers(threshold, top_k=top_k, max_pixels=max_pixels, batch_size=batch_size, workers=workers)
    if labels is None or isinstance(labels, PathName):
        labels = read_labels(labels or (spec.labels_file if is_trained else IMAGENET_FILE))
    weights = os.fspath(weights or (spec.weights_file if is_trained else "imagenet"))
    check_classes(weights, len(labels))
    cache = (Path(cache_dir) if cache_dir else user_cache_folder()) if use_cache else None
    engine = LazyEngine(lambda: load_engine(spec, weights, len(labels), backend, device, precision, cache))
    paths = find_images(images, exclude)
    if skip:
        paths = (path for path in paths if not skip(path))
    frames = read_frames(paths, spec, resize, max_pixels, workers, 2 * batch_size, PATIENCE)
    decision = spec.threshold if is_trained else None
    return classify_frames(frames, engine, labels, top_k, batch_size, threshold, decision)


def _check_choices(**options: tuple[str, Sequence[str]]) -> None:
    for name, (value, choices) in options.items():
        if value not in choices:
            raise UsageError(f"{name} {value!r} is not one of {', '.join(choices)}")


def _check_numbers(threshold: float, **counts: int) -> None:
    if not 0 <= threshold <= 1:
        raise UsageError(f"threshold {threshold!r} is not a number from 0 to 1")
    for name, value in counts.items():
        if value < 1:
            raise UsageError(f"{name} {value!r} is not a whole number from 1")


def classify_frames(
    frames: Iterable[Frame | None],
    engine: Engine,
    labels: Sequence[ClassLabel],
    top_k: int = TOP_K,
    batch_size: int = BATCH_SIZE,
    threshold: float = 0,
    decision: float | None = None,
) -> Iterator[Result]:
    """Yield one Result for each Frame, in order; an unreadable frame's carries its error."""
    for frame, scores in predict_frames(frames, engine, batch_size):
        if scores is None:
            yield Result(frame.source, error=frame.error)
        else:
            yield to_result(frame.source, scores, labels, top_k, threshold, decision)


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
    source: str,
    scores: np.ndarray,
    labels: Sequence[ClassLabel],
    top_k: int = TOP_K,
    threshold: float = 0,
    decision: float | None = None,
) -> Result:
    """Name the `top_k` best of one picture's class probabilities, float32 [classes], from `threshold` up.

    With a `decision` the answer comes first, whatever its score; below `threshold` there is none.
    """
    if not np.isfinite(scores).all():
        return Result(source, error=NOT_NUMBERS)
    ranked = np.argsort(-scores, kind="stable")
    if decision is not None and decide(scores, decision) != ranked[0]:
        ranked = ranked[::-1]
    best = takewhile(lambda index: scores[index] >= threshold, ranked[:top_k])
    return Result(source, tuple(Prediction(*labels[index], float(scores[index])) for index in best))


def decide(scores: np.ndarray, decision: float | None = None) -> int:
    """Return the class that is the answer to one picture's probabilities, float32 [classes]: the best.

    Between two classes, a `decision` is the least probability of the second one that makes it the answer.
    """
    if decision is None:
        return int(scores.argmax())
    return int(float(scores[1]) >= decision)
