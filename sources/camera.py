"""Cameras: always the newest frame, whatever the answers take."""

import threading
import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from errors import ImageError, UsageError, first_line
from native import NativeWork
from sources.named import CAMERA
from sources.pictures import Given
from sources.sampling import Sampling, parse_sampling
from sources.search import Search

try:
    import cv2
except ImportError as error:
    raise UsageError(f"OpenCV cannot be loaded ({error}); on a machine without a desktop, "
                     "apt-get install libgl1 libglib2.0-0") from error  # fmt: skip

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it explains at length what a missing camera is

EVERY_FRAME = Sampling(frames=1)
GRACE = 2.0  # seconds in which a camera that gives no frame may come back
PAUSE = 0.05  # seconds between two tries


class Capture(Protocol):
    """What reads a camera, as cv2.VideoCapture does."""

    def isOpened(self) -> bool:
        """Return whether the camera is there."""

    def read(self) -> tuple[bool, np.ndarray | None]:
        """Wait for the next frame and return it, uint8 BGR [H, W, 3], or False and None."""

    def release(self) -> None:
        """Let go of the camera."""


class Shot(NamedTuple):
    """A frame of a camera."""

    number: int  # from 1
    seconds: float  # since the first one
    pixels: np.ndarray  # uint8 BGR [H, W, 3]


def open_camera(number: int) -> Capture:
    """Open a camera of this machine; 0 is the first one."""
    return cv2.VideoCapture(number)


def watch(name: str, search: Search = Search()) -> Iterator[Given]:
    """Yield the newest frame of the camera `name` whenever one is asked for, called `camera:0#t=SECONDS`.

    None is yielded twice. `search.every` makes them fewer, and what takes longer than `search.timeout` seconds ends it.
    It ends with what is wrong: there is no such camera, or it gives no more frames. The camera is let go at the end.
    """
    sampling = EVERY_FRAME if search.every is None else parse_sampling(search.every)
    if sampling.scenes:
        yield Given(name, ImageError("--every scene is for videos; give a camera seconds, such as 1s"))
        return
    camera, last = _Camera(int(name.removeprefix(CAMERA))), None
    try:
        for shot in camera.newest(search.timeout):
            if last is None or _is_due(shot, last, sampling):
                last = shot
                pixels = cv2.cvtColor(shot.pixels, cv2.COLOR_BGR2RGB)
                yield Given(f"{name}#t={shot.seconds:.3f}", pixels, is_live=True)
    except ImageError as error:
        yield Given(name, error)
    finally:
        camera.close()


def _is_due(shot: Shot, last: Shot, sampling: Sampling) -> bool:
    if sampling.frames:
        return shot.number - last.number >= sampling.frames
    return shot.seconds - last.seconds >= sampling.seconds


class _Camera:
    """Reads a camera on a thread of its own, which may block for ever, and holds its newest frame."""

    def __init__(self, number: int) -> None:
        self._changed = threading.Condition()
        self._shot: Shot | None = None
        self._error = ""
        self._is_closed = False
        self._opencv = NativeWork()
        threading.Thread(target=self._read_all, args=(number,), daemon=True).start()

    def newest(self, timeout: float) -> Iterator[Shot]:
        """Yield the newest frame as often as it is asked for and there is one; raises ImageError at the end."""
        seen = 0
        while True:
            shot = self._newer_than(seen, timeout)
            seen = shot.number
            yield shot

    def _newer_than(self, seen: int, timeout: float) -> Shot:
        with self._changed:
            if not self._changed.wait_for(lambda: self._error or self._number() > seen, timeout):
                raise ImageError(f"the camera gives no picture for {timeout:g} seconds; --timeout sets how long")
            if self._shot is None or self._shot.number == seen:
                raise ImageError(self._error)
            return self._shot

    def close(self) -> None:
        """Let the camera go, as soon as it has given the frame that it is at."""
        self._is_closed = True

    def _number(self) -> int:
        return self._shot.number if self._shot else 0

    def _read_all(self, number: int) -> None:
        try:
            with self._opencv:
                capture = open_camera(number)
            error = self._read_until_it_ends(capture) if capture.isOpened() else _why_none(number)
            with self._opencv:
                capture.release()
        except Exception as failed:  # a driver's
            error = f"the camera fails: {first_line(failed)}"
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _read_until_it_ends(self, capture: Capture) -> str:
        started = good = time.monotonic()
        while not self._is_closed and time.monotonic() - good < GRACE:
            with self._opencv:
                is_read, pixels = capture.read()
            if not is_read or pixels is None:
                time.sleep(PAUSE)
                continue
            good = time.monotonic()
            with self._changed:
                started = started if self._shot else good
                self._shot = Shot(self._number() + 1, good - started, pixels)
                self._changed.notify_all()
        return f"the camera gives no more pictures after {good - started:.1f} seconds; is it still plugged in?"


def _why_none(number: int) -> str:
    return f"there is no camera {number}, or another program uses it; the first one is camera:0"
