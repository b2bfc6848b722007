"""Frames of videos: upright, in the shape that players show, with their true times. OpenCV's FFmpeg decodes them."""

import os
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # it is read once; what is wrong is an ImageError

import cv2
import numpy as np
from PIL import Image

from decoding.containers import ends_in_zeros, missing_bytes, why_no_video
from decoding.formats import PILLOW_FORMATS
from errors import ImageError, first_line
from native import NativeWork
from preprocess import open_file
from settings import MAX_PIXELS
from sources.named import SCHEMES, name_frame, shown
from sources.pictures import Given
from sources.sampling import Sampling, parse_sampling
from sources.search import Search

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

SECOND = 1_000_000  # microseconds, in which times are counted
MILLISECOND = 1000
LONGEST_STEP = 1e9  # seconds
THUMBNAIL = (32, 32)  # of a frame, to compare pictures
SCENE_CHANGE = 30  # mean difference of RGB from 0 to 255: "0.3" of FFmpeg's filter `select='gt(scene,0.3)'`
LEAST_SCENE = SECOND // 2
MOST_STRETCHED = 8  # how much wider than high a pixel may be; more is a mistake in the file
MOST_DISORDER = 3 * SECOND  # of frames around damage; what goes further back has started anew
MOST_LOST = 1000  # packets in a row that cannot be decoded; after more, a file is at its end
LEAST_OF_STREAM = 0.9  # of the frames that a stream announces; an edit list may leave out some


class Video:
    """A video that is open: `times` steps through its frames, `pixels` is the picture of the present one.

    `timeout` is how many seconds a server may take to answer, and to send a frame.
    Raises ImageError, with the reason, when the file or stream is no video that can be read.
    """

    def __init__(self, name: str, timeout: float | None = None) -> None:
        self.frames = 0  # that were read so far
        self.step = 0  # microseconds from the frame before the present one
        self.lost_at: int | None = None  # microseconds: of the first frame after which some could not be decoded
        self._timeout = timeout
        self._is_late = False
        self._has_lost = False
        self._opencv = NativeWork()
        with self._opencv:
            self._capture = _open_file(name) if timeout is None else _open_stream(name, timeout)
            self.width, self.height = _shown_size(self._capture)
        if self.width * self.height > MAX_PIXELS:
            raise ImageError(f"frames of {self.width} x {self.height} pixels are over the limit of {MAX_PIXELS:,}")

    @property
    def claimed(self) -> int:
        """How many frames the file claims to have; 0 where it does not say."""
        return max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    @property
    def codec(self) -> str:
        """The four letters that say how the video is coded, such as "avc1"."""
        return int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True).decode("latin-1")

    def times(self) -> Iterator[int]:
        """Yield the time of each frame, in microseconds since the first one; each is later than the one before.

        Where a recording starts anew and counts from 0 again, it goes on with the time of the one before.
        Raises ImageError when nothing has come for `timeout` seconds.
        """
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.step = round(SECOND / rate) if 1 <= rate <= 1000 else SECOND // 30
        start = last = None
        while (now := self._grab()) is not None:
            if start is None or last is None:
                start = now
            elif 0 < last - (now - start) < MOST_DISORDER and now - start > SECOND:
                now = start + last + MILLISECOND
            elif now - start <= last:
                start = now - last - self.step
            if last is not None:
                self.step = now - start - last
            if self._has_lost and self.lost_at is None:
                self.lost_at = last
            last = now - start
            self.frames += 1
            yield last

    def pixels(self) -> np.ndarray:
        """Return the present frame, uint8 RGB [H, W, 3]; raises ImageError when it cannot be had."""
        with self._opencv:
            is_there, pixels = self._capture.retrieve()
            if not is_there or pixels is None:
                raise ImageError("the frame cannot be decoded")
            if pixels.shape[:2] != (self.height, self.width):
                pixels = cv2.resize(pixels, (self.width, self.height), interpolation=cv2.INTER_AREA)
            return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)

    def _grab(self) -> int | None:
        """Step to the next frame, and return its time in microseconds; None at the end."""
        began = time.monotonic()
        with self._opencv:
            is_there = self._capture.grab() or (self._timeout is None and self._grab_after_damage())
            now = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1000) if is_there else None
        if self._timeout is not None:
            self._is_late |= time.monotonic() - began >= self._timeout * 0.9  # what was decoded before comes after it
            if self._is_late and not is_there:
                raise ImageError(f"the stream stopped: nothing came for {self._timeout:g} seconds (--timeout)")
        return now

    def _grab_after_damage(self) -> bool:
        """Step over what cannot be decoded, where OpenCV stops as at the end; return whether a frame is there."""
        is_there = any(self._capture.grab() for _ in range(MOST_LOST))
        self._has_lost |= is_there
        return is_there


def find_frames(path: str, search: Search = Search()) -> Iterator[str | Given]:
    """Yield the frames of a video's file that `search.every` asks for, called as in "clip.mp4#t=12.480".

    Of a file that is damaged or not whole, what it holds comes first, and then an ImageError that is called as the
    file. What is a picture, whatever it is called, is yielded as its path.
    """
    try:
        if _is_picture(path):
            yield path
            return
        video = Video(path)
        yield from _name_frames(path, video, parse_sampling(search.every))
        _check_whole(path, video)
        _check_frames(video)
    except ImageError as error:
        yield Given(path, error)


def find_stream_frames(url: str, search: Search = Search()) -> Iterator[Given]:
    """Yield the frames of a video on the web, as `find_frames` does, without the password in its name."""
    name = shown(url)
    try:
        video = Video(url, search.timeout)
        yield from _name_frames(name, video, parse_sampling(search.every))
        _check_frames(video, "; if it plays, download it: not every server sends parts of a file in any order")
        if video.frames < video.claimed * LEAST_OF_STREAM:
            raise ImageError(f"the stream ended early, after {video.frames:,} of {video.claimed:,} frames")
    except ImageError as error:
        yield Given(name, error)


def _name_frames(name: str, video: Video, sampling: Sampling) -> Iterator[Given]:
    last = -1  # milliseconds: of two frames in the same one, the second is called as the next
    for microseconds, pixels in _take(video, sampling):
        last = max(round(microseconds / 1000), last + 1)
        yield Given(name_frame(name, last), pixels)


def _check_frames(video: Video, hint: str = "") -> None:
    if not video.frames:
        if video.codec.lower() == "av01":
            hint = "; OpenCV has no decoder for AV1, so convert it to H.264"
        raise ImageError(f"holds no frame that can be decoded{hint}")


def _take(video: Video, sampling: Sampling) -> Iterator[tuple[int, np.ndarray | ImageError]]:
    """Yield the frames that are looked at: (microseconds, uint8 RGB [H, W, 3]); the others are not converted."""
    if sampling.scenes:
        yield from _take_scenes(video)
        return
    step = max(1, round(min(sampling.seconds, LONGEST_STEP) * SECOND))
    due = 0
    for number, now in enumerate(video.times()):
        if number % sampling.frames == 0 if sampling.frames else now >= due:
            due = (now // step + 1) * step
            yield now, _pixels(video)


def _take_scenes(video: Video) -> Iterator[tuple[int, np.ndarray | ImageError]]:
    """Yield the first frame, and each one that differs much from the one before it in what is yielded."""
    taken, thumbnail = 0, None
    for now in video.times():
        if thumbnail is not None and now - taken < LEAST_SCENE:
            continue
        if isinstance(pixels := _pixels(video), ImageError):
            continue
        small = cv2.resize(pixels, THUMBNAIL, interpolation=cv2.INTER_AREA)
        if thumbnail is None or cv2.absdiff(small, thumbnail).mean() >= SCENE_CHANGE:
            taken, thumbnail = now, small
            yield now, pixels


def _pixels(video: Video) -> np.ndarray | ImageError:
    try:
        return video.pixels()
    except ImageError as error:
        return error


def _open_file(path: str) -> cv2.VideoCapture:
    with open_file(path) as file:
        name: Any = os.fsencode(os.path.abspath(path))  # of what is not UTF-8 in a str, OpenCV dies
        capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise ImageError(why_no_video(file))
    return capture


def _open_stream(url: str, timeout: float) -> cv2.VideoCapture:
    limit = min(int(timeout * 1000), 2**31 - 1)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
    name: Any = os.fsencode(url)
    capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise ImageError(_why_no_stream(url, timeout))
    return capture


def _why_no_stream(url: str, timeout: float) -> str:
    """Ask once more, for FFmpeg does not tell what a server answered."""
    if not url.lower().startswith(SCHEMES):
        return f"cannot be opened: no server answered within {timeout:g} seconds, or it has no such stream"
    try:
        with urlopen(_first_byte_of(url), timeout=timeout):
            return "the server sends no video that can be read"
    except HTTPError as error:
        return f"the server answers {error.code} {error.reason}"
    except Exception as error:  # no such host, refused, no answer, a wrong certificate: each has its own
        return f"cannot be reached: {first_line(getattr(error, 'reason', error))}"


def _first_byte_of(url: str) -> Request:
    user, password = (unquote(part or "") for part in (urlsplit(url).username, urlsplit(url).password))
    plain = urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()
    request = Request(plain, headers={"Range": "bytes=0-0"})
    if user:  # which is not told to a server that this one leads to
        request.add_unredirected_header("Authorization", f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}")
    return request


def _shown_size(capture: cv2.VideoCapture) -> tuple[int, int]:
    """Return the width and height that players show: pixels that are not square are made so by enlarging."""
    width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    wide, high = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    ratio = wide / high if wide > 0 and high > 0 else 1.0
    if capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180 == 90:
        ratio = 1 / ratio
    if not 1 / MOST_STRETCHED <= ratio <= MOST_STRETCHED:
        ratio = 1.0
    return round(width * max(1.0, ratio)), round(height * max(1.0, 1 / ratio))


def _is_picture(path: str) -> bool:
    with open_file(path) as file:
        try:
            Image.open(file, formats=PILLOW_FORMATS).close()
        except Exception:  # Pillow's decoders raise almost anything for what they do not know
            return False
    return True


def _check_whole(path: str, video: Video) -> None:
    """Raise ImageError when a file lacks a part of what its container declares."""
    with open_file(path) as file:
        if missing := missing_bytes(file):
            raise ImageError(f"the file ends early: at least {missing:,} bytes are missing (an interrupted copy?)")
        if video.frames < video.claimed and ends_in_zeros(file):
            raise ImageError("the end of the file is zeros, which hold no frames (an interrupted copy?)")
    if video.lost_at is not None:
        raise ImageError(f"is damaged: frames are missing after {video.lost_at / SECOND:.3f} seconds")
