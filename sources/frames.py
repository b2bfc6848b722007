"""From a stream of pictures to a stream of Frames, decoded by a few threads and in order."""

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

import numpy as np

from errors import ImageError
from preprocess import make_square, open_file, read_image, read_square
from settings import READ_AHEAD, WORKERS
from sources.paths import is_pattern, why_no_images
from sources.pictures import Given, nbytes, open_square, read_bytes
from transforms import Transform

MOST_KEPT_BYTES = 2**26  # of a file that is kept as it is; of a larger one, the decoded picture is
MOST_WAITING_BYTES = 2**26  # of pictures that are in memory: not read yet, or kept

Item = TypeVar("Item")
Read = TypeVar("Read")


@dataclass(frozen=True)
class Frame:
    """One picture on its way in."""

    source: str
    square: np.ndarray | None = None  # uint8 RGB [S, S, 3], what a model takes; None when unreadable
    error: str = ""  # why there is no square
    picture: Any = None  # the whole picture, for `open_picture`: kept only when an output draws on it, or copies it
    is_file: bool = True  # and `source` its path
    is_live: bool = False  # it is of a camera
    outputs: np.ndarray | None = None  # all that an Explainer's engine says of the square

    @property
    def kept_bytes(self) -> int:
        """How much memory the whole picture takes."""
        return nbytes(self.picture)


def read_frame(item: str | Given, transform: Transform, keep: bool = False, keep_given: bool = False) -> Frame:
    """Read one picture; whatever is wrong with it goes into the Frame's error.

    `keep` keeps the whole picture, too, and `keep_given` only that of a Given, which is no file.
    """
    try:
        if isinstance(item, Given):
            return _read_given(item, transform, keep or keep_given)
        refuse_no_file(item)
        if keep:
            return _read_kept(item, transform)
        return Frame(item, read_square(item, transform))
    except ImageError as error:
        return Frame(item.source if isinstance(item, Given) else item, error=str(error))


def refuse_no_file(path: str) -> None:
    """Raise ImageError for a folder or a pattern, which `find_images` yields itself where it has found no picture."""
    if os.path.isdir(path):
        raise ImageError(why_no_images(path))
    if is_pattern(path):
        raise ImageError("no such file, and no picture matches it as a pattern")


def _read_given(item: Given, transform: Transform, keep: bool, is_file: bool = False) -> Frame:
    picture = item.picture
    if keep and hasattr(picture, "read"):  # a file can be read once only
        picture = read_bytes(picture)
    square = open_square(picture, item.source, transform)
    return Frame(item.source, square, "", picture if keep else None, is_file, item.is_live)


def _read_kept(path: str, transform: Transform) -> Frame:
    """Read a file once, into memory: an output decodes it in full size, and the model takes what it always takes."""
    with open_file(path) as file:
        is_small = file.seek(0, os.SEEK_END) <= MOST_KEPT_BYTES
        file.seek(0)
        data = read_bytes(file) if is_small else b""
    if is_small:
        return _read_given(Given(path, data), transform, keep=True, is_file=True)
    image = read_image(path, transform.max_pixels)
    return Frame(path, make_square(image, transform), picture=image)


def read_frames(
    pictures: Iterable[str | Given],
    transform: Transform,
    workers: int = WORKERS,
    ahead: int = READ_AHEAD,
    patience: float | None = None,
    keep: bool = False,
    keep_given: bool = False,
) -> Generator[Frame | None, None, None]:
    """`read_frame` each picture on `workers` threads, at most `ahead` of what is taken, in the order given.

    `pictures` is iterated on a thread of its own. When it takes over `patience` seconds to yield the
    next one, as a person may, or a server to send one, None is yielded: time to work on what there is. A picture
    that is live is followed by None, and the next one is taken when that has been worked on.
    """
    read = partial(read_frame, transform=transform, keep=keep, keep_given=keep_given)
    return read_ahead(pictures, read, workers, ahead, patience)


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


class _Waiting(NamedTuple):
    """A picture that is being read."""

    future: Future
    is_fetched: bool = False  # from a server, which may take its time
    is_live: bool = False


class _Reader:
    """Reads items on threads, within a bound, and yields what they give in order."""

    def __init__(self, items: Iterable[Any], read: Callable[[Any], Any], workers: int, ahead: int) -> None:
        self._items = items
        self._read = read
        self._executor = ThreadPoolExecutor(workers)
        self._room = _Room(ahead)
        self._frames: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._stopped = False
        self._begun: dict[int, Any] = {}  # downloads that are not read yet, by id
        _readers.add(self)
        threading.Thread(target=self._submit_all, daemon=True).start()

    def frames(self, patience: float | None) -> Iterator[Any]:
        while True:
            try:
                waiting = self._frames.get(timeout=patience)
            except queue.Empty:
                yield None
                continue
            if waiting is None or self._stopped:  # at the end of Python, too
                return
            while waiting.is_fetched and not wait([waiting.future], patience).done:
                yield None
            if waiting.future.cancelled():  # by the end of Python
                return
            yield (read := waiting.future.result())
            if waiting.is_live:
                yield None
            self._room.leave(_kept_bytes(read))

    def stop(self) -> None:
        """Let the threads end, whatever they are at."""
        self._stopped = True
        self._cancel()
        self._room.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _cancel(self) -> None:
        for picture in list(self._begun.values()):
            picture.cancel()

    def _begin(self, picture: Any) -> bool:
        """Have a picture that comes from elsewhere fetched while others are read, and return whether it does."""
        if is_fetched := hasattr(picture, "begin"):
            self._begun[id(picture)] = picture
            picture.begin()
        return is_fetched

    def _read_one(self, item: Any, picture: Any, size: int) -> Any:
        try:
            read = self._read(item)
            self._room.add(_kept_bytes(read))
            return read
        finally:
            self._room.add(-size)
            self._begun.pop(id(picture), None)

    def _submit_all(self) -> None:
        try:
            self._room.enter()
            for item in self._items:
                if self._stopped:
                    return
                picture, is_live = (item.picture, item.is_live) if isinstance(item, Given) else (None, False)
                size = nbytes(picture)
                self._room.add(size)
                is_fetched = self._begin(picture)
                future = self._executor.submit(self._read_one, item, picture, size)
                self._frames.put(_Waiting(future, is_fetched, is_live))
                self._room.enter(alone=is_live)
        except BaseException as error:  # raised where the frames are taken
            if not self._stopped:
                failed: Future = Future()
                failed.set_exception(error)
                self._frames.put(_Waiting(failed))
        self._items = ()  # lets go of a camera
        self._frames.put(None)
        if self._stopped:  # while one more began
            self._cancel()


_readers: WeakSet[_Reader] = WeakSet()


def _stop_all() -> None:
    """Let go of what is being read and downloaded: at its end, Python waits for the threads of each executor."""
    for reader in list(_readers):
        reader.stop()


threading._register_atexit(_stop_all)  # type: ignore[attr-defined]  # before it waits; `atexit` is called after that


def _kept_bytes(read: Any) -> int:
    return getattr(read, "kept_bytes", 0)


class _Room:
    """Room for so many items, and for so many bytes of those that are not read yet, or kept."""

    def __init__(self, items: int) -> None:
        self._changed = threading.Condition()
        self._size = self._items = items
        self._bytes = 0

    def enter(self, alone: bool = False) -> None:
        """Wait until there is room for one more, or until all others have left."""
        with self._changed:
            least = self._size if alone else 1
            self._changed.wait_for(lambda: self._items >= least and self._bytes <= MOST_WAITING_BYTES)
            self._items -= 1

    def add(self, size: int) -> None:
        """Take bytes, or give them back when `size` is below 0."""
        with self._changed:
            self._bytes += size
            self._changed.notify_all()

    def leave(self, size: int) -> None:
        """Make room for one more, and for its bytes."""
        with self._changed:
            self._items += 1
            self._bytes -= size
            self._changed.notify_all()

    def close(self) -> None:
        """Let who waits enter."""
        with self._changed:
            self._items, self._bytes = self._size, 0
            self._changed.notify_all()
