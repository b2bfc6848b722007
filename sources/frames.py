"""From a stream of paths to a stream of Frames, decoded by a few threads and in order."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from errors import ImageError
from preprocess import read_square
from settings import MAX_PIXELS, READ_AHEAD, WORKERS
from sources.paths import IMAGE_SUFFIXES, is_pattern
from trained import Spec


@dataclass(frozen=True)
class Frame:
    """One picture on its way in."""

    source: str
    pixels: np.ndarray | None = None  # uint8 RGB [S, S, 3]; None when unreadable
    error: str = ""  # why pixels is None


def read_frame(path: str, spec: Spec, resize: str = "crop", max_pixels: int = MAX_PIXELS) -> Frame:
    """Read one picture for `spec`'s model; whatever is wrong with it goes into the Frame's error."""
    if os.path.isdir(path):
        return Frame(path, error=_why_no_images(path))
    if is_pattern(path):
        return Frame(path, error="no such file, and no picture matches it as a pattern")
    try:
        return Frame(path, pixels=read_square(path, spec, resize, max_pixels))
    except ImageError as error:
        return Frame(path, error=str(error))


def _why_no_images(folder: str) -> str:
    try:
        os.scandir(folder).close()
    except OSError as error:
        return f"the folder cannot be listed: {error.strerror}"
    return f"the folder holds no pictures ({', '.join(IMAGE_SUFFIXES)})"


def read_frames(
    paths: Iterable[str],
    spec: Spec,
    resize: str = "crop",
    max_pixels: int = MAX_PIXELS,
    workers: int = WORKERS,
    ahead: int = READ_AHEAD,
    patience: float | None = None,
) -> Iterator[Frame | None]:
    """`read_frame` each path on `workers` threads, at most `ahead` of what is taken, in the order given.

    `paths` is iterated on a thread of its own. When it takes over `patience` seconds to yield the
    next path, as a person or a camera may, None is yielded: time to work on what there is.
    """
    yield from read_ahead(paths, lambda path: read_frame(path, spec, resize, max_pixels), workers, ahead, patience)


def read_ahead(
    items: Iterable[Any],
    read: Callable[[Any], Any],
    workers: int = WORKERS,
    ahead: int = READ_AHEAD,
    patience: float | None = None,
) -> Iterator[Any]:
    """As `read_frames`, of anything that `read` makes something of."""
    reader = _Reader(items, read, workers, ahead)
    try:
        yield from reader.frames(patience)
    finally:
        reader.stop()


class _Reader:
    """Reads items on threads, within a bound, and yields what they give in order."""

    def __init__(self, items: Iterable[Any], read: Callable[[Any], Any], workers: int, ahead: int) -> None:
        self._items = items
        self._read = read
        self._executor = ThreadPoolExecutor(workers)
        self._room = threading.Semaphore(ahead)
        self._frames: queue.SimpleQueue[Future | None] = queue.SimpleQueue()
        self._stopped = False
        threading.Thread(target=self._submit_all, daemon=True).start()

    def frames(self, patience: float | None) -> Iterator[Any]:
        while True:
            try:
                frame = self._frames.get(timeout=patience)
            except queue.Empty:
                yield None
                continue
            if frame is None:
                return
            yield frame.result()
            self._room.release()

    def stop(self) -> None:
        """Let the threads end, whatever they are at."""
        self._stopped = True
        self._room.release()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit_all(self) -> None:
        try:
            self._room.acquire()
            for item in self._items:
                if self._stopped:
                    return
                self._frames.put(self._executor.submit(self._read, item))
                self._room.acquire()
        except BaseException as error:  # raised where the frames are taken
            failed: Future = Future()
            failed.set_exception(error)
            self._frames.put(failed)
        self._frames.put(None)
