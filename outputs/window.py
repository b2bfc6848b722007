"""Annotated pictures in a window, one after the other."""

import subprocess
import sys

import cv2
import numpy as np
from PIL import Image

from outputs import Output
from outputs.annotate import caption, draw_label
from results import Result
from sources.frames import Frame
from sources.pictures import open_picture

TITLE = "any key: next   Esc or q: stop showing"
WINDOW_SIZE = (1200, 800)  # pixels, at most
STOP_KEYS = (27, ord("q"))
POLL_MILLISECONDS = 100


class WindowOutput(Output):
    """Shows each picture until a key is pressed or the window is closed."""

    draws = True

    def __init__(self, max_pixels: int) -> None:
        self._max_pixels = max_pixels
        self._stopped = False

    def write(self, frame: Frame, result: Result) -> None:
        """Show the picture that `frame` has kept, annotated, and wait; raises ImageError when it cannot be read."""
        if self._stopped or result.error:
            return
        image = open_picture(frame.picture, result.source, self._max_pixels)
        image.thumbnail(WINDOW_SIZE, Image.Resampling.BICUBIC)
        annotated = draw_label(np.asarray(image), caption(result))
        cv2.imshow(TITLE, cv2.cvtColor(annotated, cv2.COLOR_RGB2BGR))
        self._stopped = _wait_for_key() in STOP_KEYS
        cv2.destroyAllWindows()


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
    """Return the code of the key pressed, or that of Esc when the window was closed."""
    while True:
        key = cv2.waitKey(POLL_MILLISECONDS)
        if key >= 0:
            return key
        if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return STOP_KEYS[0]
