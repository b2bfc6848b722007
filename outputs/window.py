"""Annotated pictures in a window, one after the other; and what a camera sees."""

import subprocess
import sys
import time
from collections import deque

import cv2
import numpy as np
from PIL import Image

from outputs import EnoughSeen, Output
from outputs.annotate import caption, draw_label
from results import Result
from sources.frames import Frame
from sources.pictures import open_picture

TITLE = "any key: next   Esc or q: stop showing"
LIVE_TITLE = "Esc or q: end"
WINDOW_SIZE = (1200, 800)  # pixels, at most
STOP_KEYS = (27, ord("q"))
POLL_MILLISECONDS = 100
FRAMES_TIMED = 20  # the last ones, whose rate is shown


class WindowOutput(Output):
    """Shows each picture until a key is pressed or the window is closed; of a camera, until the next one."""

    draws = True

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._stopped = False
        self._times: deque[float] = deque(maxlen=FRAMES_TIMED)

    def write(self, frame: Frame, result: Result) -> None:
        """Show the picture that `frame` has kept, annotated, and wait; raises ImageError when it cannot be read.

        Of a camera's, none waits, and EnoughSeen is raised for the one after the window was closed.
        """
        if self._stopped and frame.is_live:
            raise EnoughSeen
        if self._stopped or result.error:
            return
        image = open_picture(frame.picture, result.source, self._max_pixels)
        image.thumbnail(WINDOW_SIZE, Image.Resampling.BICUBIC)
        title, text = (LIVE_TITLE, f"{caption(result)}   {self._rate()}") if frame.is_live else (TITLE, caption(result))
        cv2.imshow(title, cv2.cvtColor(draw_label(np.asarray(image), text), cv2.COLOR_RGB2BGR))
        self._stopped = (_key_pressed(title) if frame.is_live else _wait_for_key()) in STOP_KEYS
        if self._stopped or not frame.is_live:
            cv2.destroyAllWindows()

    def _rate(self) -> str:
        """Return how many frames a second are shown lately."""
        self._times.append(time.monotonic())
        seconds = self._times[-1] - self._times[0]
        return f"{(len(self._times) - 1) / seconds:.1f} fps" if seconds else ""


def why_no_window() -> str:
    """Return "" where a window can be opened, or why not; asked in a process of its own, which Qt may abort."""
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1)"]
    answer = subprocess.run(probe, capture_output=True, text=True)
    if answer.returncode == 0:
        return ""
    if "DISPLAY" in answer.stderr or "could not connect to display" in answer.stderr:
        return "there is no display"
    return (answer.stderr.strip().splitlines() or ["OpenCV has no window support"])[-1]


def _wait_for_key() -> int:
    """Wait, and return the code of the key pressed, or that of Esc when the window was closed."""
    while (key := _key_pressed(TITLE, POLL_MILLISECONDS)) < 0:
        pass
    return key


def _key_pressed(title: str, milliseconds: int = 1) -> int:
    """Return the code of the key pressed, that of Esc when the window was closed, or -1."""
    key = cv2.waitKey(milliseconds)
    return STOP_KEYS[0] if key < 0 and _is_closed(title) else key


def _is_closed(title: str) -> bool:
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:  # Qt has ended with its last window
        return True
