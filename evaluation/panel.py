"""Several models that look at the same pictures side by side, in constant memory."""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engines import Engine, load_engine, user_cache_folder
from evaluation.options import Contender
from pipeline import NOT_NUMBERS, predict_frames
from settings import BATCH_SIZE, MAX_PIXELS, WORKERS
from sources.frames import Frame, read_ahead, read_frame


class Answer(NamedTuple):
    """What the models say of one picture."""

    path: str
    scores: tuple[np.ndarray, ...] | None  # float32 [classes] for each of Panel.names; None when unreadable
    error: str = ""


class Panel:
    """Models that answer together: what one cannot answer counts for none.

    With `ensemble`, the mean of their probabilities is one more. With `is_timed`, an engine first
    computes a picture that does not count.
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        *,
        ensemble: bool = False,
        backend: str = "auto",
        device: str = "auto",
        precision: str = "float32",
        batch_size: int = BATCH_SIZE,
        cache_dir: Path | None = None,
        max_pixels: int = MAX_PIXELS,
        workers: int = WORKERS,
        is_timed: bool = False,
    ) -> None:
        self._contenders = contenders
        self._ensemble = ensemble
        self._batch_size, self._max_pixels, self._workers = batch_size, max_pixels, workers

        def loader(one: Contender) -> Callable[[], Engine]:
            return lambda: load_engine(
                one.spec, one.weights, len(one.labels), backend, device, precision, cache_dir
            )  # fmt: skip

        self._engines = [TimedEngine(loader(one), is_timed) for one in contenders]
        self.names = tuple(one.name for one in contenders)
        self.labels = tuple(one.labels for one in contenders)
        if ensemble:
            self.names += (f"mean of {' + '.join(self.names)}",)
            self.labels += self.labels[:1]

    def answer(self, paths: Iterable[str], patience: float | None = None) -> Iterator[Answer]:
        """Yield an Answer for each path, in order; `patience` as in `read_frames`."""
        ways = [_way_to_square(one) for one in self._contenders]
        first_users = [ways.index(way) for way in ways]  # a square that several take is made once
        specs = {index: self._contenders[index] for index in first_users}

        def read(path: str) -> dict[int, Frame]:
            return {
                index: read_frame(path, one.spec, one.resize, self._max_pixels) for index, one in specs.items()
            }  # fmt: skip

        squares = read_ahead(paths, read, self._workers, 2 * self._batch_size, patience)
        streams = [
            predict_frames(_frames_of(index, part), engine, self._batch_size)
            for index, part, engine in zip(first_users, tee(squares, len(ways)), self._engines, strict=True)
        ]
        try:
            for answers in zip(*streams, strict=True):
                yield self._join(answers)
        finally:
            squares.close()

    def seconds_per_picture(self) -> tuple[float, ...]:
        """Return the seconds that each of `names` took to compute a picture so far; the ensemble takes their sum."""
        seconds = tuple(engine.seconds / max(engine.pictures, 1) for engine in self._engines)
        return (*seconds, sum(seconds)) if self._ensemble else seconds

    def _join(self, answers: Sequence[tuple[Frame, np.ndarray | None]]) -> Answer:
        path = answers[0][0].source
        for name, (frame, scores) in zip(self.names, answers, strict=False):
            if scores is None:
                return Answer(path, None, frame.error)
            if not np.isfinite(scores).all():
                return Answer(path, None, f"{name}: {NOT_NUMBERS}")
        scores = tuple(row for _frame, row in answers)
        if self._ensemble:
            scores += (np.mean(scores, axis=0, dtype=np.float64).astype(np.float32),)
        return Answer(path, scores)


class TimedEngine:
    """An engine that is loaded when it is needed, and knows how long it computed."""

    def __init__(self, load: Callable[[], Engine], warm_up: bool) -> None:
        self._load = load
        self._warm_up = warm_up
        self._engine: Engine | None = None
        self.seconds = 0.0
        self.pictures = 0

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        if self._engine is None:
            self._engine = self._load()
            if self._warm_up:
                self._engine.predict(pixels)
        started = time.perf_counter()
        scores = self._engine.predict(pixels)
        self.seconds += time.perf_counter() - started
        self.pictures += len(pixels)
        return scores


def panel_from(args: argparse.Namespace, contenders: Sequence[Contender], is_timed: bool = False) -> Panel:
    """Return the panel that the options of a script ask for."""
    cache = Path(args.cache_dir) if args.cache_dir else user_cache_folder()
    return Panel(
        contenders, ensemble=args.ensemble, backend=args.backend, device=args.device, precision=args.precision,
        batch_size=args.batch_size, cache_dir=None if args.no_cache else cache, max_pixels=args.max_pixels,
        workers=args.workers, is_timed=is_timed,
    )  # fmt: skip


def _way_to_square(one: Contender) -> tuple[Any, ...]:
    spec = one.spec
    return spec.input_size, spec.crop_fraction, spec.interpolation, one.resize


def _frames_of(index: int, squares: Iterable[dict[int, Frame] | None]) -> Iterator[Frame | None]:
    return (None if frames is None else frames[index] for frames in squares)
