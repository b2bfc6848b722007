"""Several classifiers that look at the same pictures side by side, in constant memory."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import tee
from typing import NamedTuple

import numpy as np

from classifiers import Classifier
from engines import Engine
from inference.loop import predict_frames
from inference.scores import NOT_NUMBERS
from sources.frames import Frame, read_ahead, read_frame
from sources.pictures import Given


class Answer(NamedTuple):
    """The answers of all classifiers to one picture."""

    frame: Frame
    scores: tuple[np.ndarray, ...] | None  # float32 [classes] for each of Panel.names; None when unreadable
    error: str = ""


class Panel:
    """Classifiers on one Runtime that answer together: a picture that one of them cannot answer counts for none.

    With `ensemble`, the mean of their probabilities is one more: they have the same labels then.
    With `is_timed`, an engine first computes a picture that does not count.
    """

    def __init__(self, classifiers: Sequence[Classifier], ensemble: bool = False, is_timed: bool = False) -> None:
        self._classifiers = classifiers
        self._ensemble = ensemble
        self._runtime = classifiers[0].runtime
        self._engines = [TimedEngine(one.predictor, is_timed) for one in classifiers]
        self.names = tuple(one.name for one in classifiers)
        self.labels = tuple(one.labels for one in classifiers)
        self.decision_thresholds = tuple(one.decision_threshold for one in classifiers)
        if ensemble:
            self.names += (f"mean of {' + '.join(self.names)}",)
            self.labels += self.labels[:1]
            self.decision_thresholds += (None,)

    def answer(
        self, pictures: Iterable[str | Given], patience: float | None = None, keep: bool = False
    ) -> Generator[Answer, None, None]:
        """Yield an Answer for each picture, in order; `patience` and `keep` as in `read_frames`."""
        transforms = [one.transform for one in self._classifiers]
        different = list(dict.fromkeys(transforms))  # a square that several take is made once
        batch_size, workers = self._runtime.batch_size, self._runtime.workers

        def read(item: str | Given) -> list[Frame]:
            first = read_frame(item, different[0], keep or isinstance(item, Given))  # an open file is read once
            again = item if first.picture is None else Given(first.source, first.picture)
            return [first, *(read_frame(again, transform) for transform in different[1:])]

        frames = read_ahead(pictures, read, workers, 2 * (workers if keep else batch_size), patience)
        streams = [
            predict_frames(_frames_of(different.index(transform), part), engine, batch_size)
            for transform, part, engine in zip(transforms, tee(frames, len(transforms)), self._engines, strict=True)
        ]
        try:
            for answers in zip(*streams, strict=True):
                yield self._join(answers)
        finally:
            frames.close()

    def seconds_per_picture(self) -> tuple[float, ...]:
        """Return the seconds that each of `names` took to compute a picture so far; the ensemble takes their sum."""
        seconds = tuple(engine.seconds / max(engine.pictures, 1) for engine in self._engines)
        return (*seconds, sum(seconds)) if self._ensemble else seconds

    def _join(self, answers: Sequence[tuple[Frame, np.ndarray | None]]) -> Answer:
        frame = answers[0][0]
        rows: list[np.ndarray] = []
        for name, (other, scores) in zip(self.names, answers, strict=False):
            if scores is None:
                return Answer(frame, None, other.error)
            if not np.isfinite(scores).all():
                return Answer(frame, None, f"{name}: {NOT_NUMBERS}")
            rows.append(scores)
        if self._ensemble:
            rows.append(np.asarray(np.mean(rows, axis=0, dtype=np.float64), np.float32))
        return Answer(frame, tuple(rows))


class TimedEngine:
    """An engine that knows how long it computed."""

    def __init__(self, engine: Engine, warm_up: bool) -> None:
        self._engine = engine
        self._is_warm = not warm_up
        self.seconds = 0.0
        self.pictures = 0

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Compute uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        if not self._is_warm:
            self._engine.predict(pixels)
            self._is_warm = True
        started = time.perf_counter()
        scores = self._engine.predict(pixels)
        self.seconds += time.perf_counter() - started
        self.pictures += len(pixels)
        return scores


def _frames_of(index: int, squares: Iterable[list[Frame] | None]) -> Iterator[Frame | None]:
    return (None if frames is None else frames[index] for frames in squares)
