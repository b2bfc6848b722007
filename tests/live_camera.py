"""Run a script with a clip in the place of a camera, at the clip's own rate: `live_camera.py CLIP SCRIPT ARGUMENTS...`.

The clip begins anew until it has given `FRAMES` frames; then the camera is unplugged.
"""

import os
import runpy
import sys
import time

import cv2

import sources.camera


class Clip:
    def __init__(self, path):
        self._path = path
        self._clip = cv2.VideoCapture(path)
        self._left = int(os.environ.get("FRAMES", 10**9))
        self._next = time.monotonic()

    def isOpened(self):
        return self._clip.isOpened()

    def read(self):
        if not self._left:
            return False, None
        self._left -= 1
        self._next += 1 / self._clip.get(cv2.CAP_PROP_FPS)
        time.sleep(max(0, self._next - time.monotonic()))
        is_read, pixels = self._clip.read()
        if not is_read:
            self._clip = cv2.VideoCapture(self._path)
            is_read, pixels = self._clip.read()
        return is_read, pixels

    def release(self):
        self._clip.release()


if __name__ == "__main__":
    clip, *sys.argv = sys.argv[1:]
    sources.camera.open_camera = lambda _number: Clip(clip)
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    runpy.run_path(sys.argv[0], run_name="__main__")
