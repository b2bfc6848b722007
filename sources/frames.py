"""From a stream of pictures to a stream of Frames, decoded by a few threads and in order."""

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from errors import ImageError
from preprocess import make_square, open_file, read_image, read_square
from settings import READ_AHEAD, WORKERS
from sources.paths import is_pattern, why_no_images
from sources.pictures import Given, nbytes, open_square, read_bytes
from transforms import Transform

MOST_KEPT_BYTES = 2**26  # of a file that is kept as it is; of a larger one, the decoded picture is
MOST_WAITING_BYTES = 2**26  # of pictures that are in memory and not read yet

Item = TypeVar("Item")
Read = TypeVar("Read")


@dataclass(frozen=True)
class Frame:
    """One picture on its way in."""

    source: str
    square: np.ndarray | None = None  # uint8 RGB [S, S, 3], what a model takes; None when unreadable
    error: str = ""  # why there is no square
    picture: Any = None  # the whole picture, for `open_picture`: kept only when an output draws on it

    @property
    def kept_bytes(self) -> int:
        """How much memory the whole picture takes."""
        return nbytes(self.picture)


def read_frame(item: str | Given, transform: Transform, keep: bool = False) -> Frame:
    """Read one picture; whatever is wrong with it goes into the Frame's error. `keep` keeps the whole picture, too."""
    try:
        if isinstance(item, Given):
            return _read_given(item, transform, keep)
        if os.path.isdir(item):
            return Frame(item, error=why_no_images(item))
        if is_pattern(item):
            return Frame(item, error="no such file, and no picture matches it as a pattern")
        if keep:
            return _read_kept(item, transform)
        return Frame(item, read_square(item, transform))
    except ImageError as error:
        return Frame(item.source if isinstance(item, Given) else item, error=str(error))


def _read_given(item: Given, transform: Transform, keep: bool) -> Frame:
    picture = item.picture
    if keep and hasattr(picture, "read"):  # a file can be read once only
        picture = read_bytes(picture)
    return Frame(item.source, open_square(picture, item.source, transform), picture=picture if keep else None)


def _read_kept(path: str, transform: Transform) -> Frame:
    """Read a file once, into memory: an output decodes it in full size, and the model takes what it always takes."""
    with open_file(path) as file:
        is_small = os.fstat(file.fileno()).st_size <= MOST_KEPT_BYTES
        data = read_bytes(file) if is_small else b""
    if is_small:
        return _read_given(Given(path, data), transform, keep=True)
    image = read_image(path, transform.max_pixels)
    return Frame(path, make_square(image, transform), picture=image)


def read_frames(
    pictures: Iterable[str | Given],
    transform: Transform,
    workers: int = WORKERS,
    ahead: int = READ_AHEAD,
    patience: float | None = None,
    keep: bool = False,
) -> Generator[Frame | None, None, None]:
    """`read_frame` each picture on `workers` threads, at most `ahead` of what is taken, in the order given.

    `pictures` is iterated on a thread of its own. When it takes over `patience` seconds to yield the
    next one, as a person or a camera may, None is yielded: time to work on what there is.
    """
    return read_ahead(pictures, partial(read_frame, transform=transform, keep=keep), workers, ahead, patience)


def read_ahead(
    items: Iterable[Item],
    read: Callable[[Item], Read],
    workers: int = WORKERS,
    ahead: int = READ_AHEAD,
    patience: float | None = None,
) -> Generator[Read | None, None, None]:
    """Like `read_frames`, for items of any kind: yield `read(item)` of each, in order."""
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
        self._room = _Room(ahead)
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
            self._room.leave()

    def stop(self) -> None:
        """Let the threads end, whatever they are at."""
        self._stopped = True
        self._room.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _read_one(self, item: Any, size: int) -> Any:
        try:
            return self._read(item)
        finally:
            self._room.add(-size)

    def _submit_all(self) -> None:
        try:
            self._room.enter()
            for item in self._items:
                if self._stopped:
                    return
                size = nbytes(item.picture) if isinstance(item, Given) else 0
                self._room.add(size)
                self._frames.put(self._executor.submit(self._read_one, item, size))
                self._room.enter()
        except BaseException as error:  # raised where the frames are taken
            failed: Future = Future()
            failed.set_exception(error)
            self._frames.put(failed)
        self._frames.put(None)


class _Room:
    """Room for so many items, and for so many bytes of those that are not read yet."""

    def __init__(self, items: int) -> None:
        self._changed = threading.Condition()
        self._items = items
        self._bytes = 0

    def enter(self) -> None:
        """Wait until there is room for one more."""
        with self._changed:
            self._changed.wait_for(lambda: self._items > 0 and self._bytes <= MOST_WAITING_BYTES)
            self._items -= 1

    def add(self, size: int) -> None:
        """Take bytes, or give them back when `size` is below 0."""
        with self._changed:
            self._bytes += size
            self._changed.notify_all()

    def leave(self) -> None:
        """Make room for one more."""
        with self._changed:
            self._items += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let who waits enter."""
        with self._changed:
            self._items, self._bytes = 1, 0
            self._changed.notify_all()
