"""Annotated clips of videos: H.264 in MP4, with the sound, which browsers play. PyAV encodes them.

A clip is made when all frames of its video that are looked at have been answered: the video is read once more, and each
of its frames gets the caption of its time.
"""

import filecmp
import importlib.util
import logging
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from errors import ImageError, UsageError, first_line
from outputs import Output
from outputs.annotate import PAPER, AnnotatedOutput, caption, draw_label
from results import Prediction, Result
from sources.frames import Frame
from sources.named import frame_of

if TYPE_CHECKING:
    import av

SUFFIX = ".mp4"
CAPTION_SECONDS = 0.9  # that a caption stays, at least: answers that are a second apart have one each
QUALITY = {"preset": "veryfast", "crf": "20"}  # of H.264; crf 23 is the usual one, lower is better
CLOCK = 90_000  # ticks of a second, as usual for video
SOUND_RATE = 48_000  # samples a second
INSTALL = "pip install -r requirements-video.txt"

logger = logging.getLogger("suite")


def check_can_encode() -> None:
    """Raise UsageError where PyAV is not installed."""
    if importlib.util.find_spec("av") is None:
        raise UsageError(f"--annotate needs PyAV to make clips of videos, which is not installed; {INSTALL}")


class Captions:
    """What is written over a video: of each second or so, the mean of the answers in it.

    A caption begins with an answer, is made of all answers of the next CAPTION_SECONDS, and stays until the next one
    begins, so that none of them flickers. With `is_decided`, the class that most answers have first comes first: a
    classifier of two classes decides by a threshold of its own, and not by the higher score.
    """

    def __init__(self, threshold: float = 0, is_decided: bool = False) -> None:
        self._threshold = threshold
        self._is_decided = is_decided
        self._starts: list[float] = []
        self._texts: list[str] = []
        self._answers: list[Result] = []

    def add(self, seconds: float, answer: Result) -> None:
        """Take what was found out about the frame at a time; times grow."""
        if not self._starts or seconds - self._starts[-1] >= CAPTION_SECONDS:
            self._end_caption()
            self._starts.append(seconds)
        self._answers.append(answer)

    def at(self, seconds: float) -> str:
        """Return the caption of the frame at a time."""
        self._end_caption()
        return self._texts[max(0, bisect_right(self._starts, seconds + 0.001) - 1)]  # names have three decimals

    def distinct(self) -> set[str]:
        """Return all captions, each once."""
        self._end_caption()
        return set(self._texts)

    def _end_caption(self) -> None:
        if self._answers:
            self._texts.append(caption(mean_answer(self._answers, self._threshold, self._is_decided)))
            self._answers = []


def mean_answer(answers: list[Result], threshold: float = 0, is_decided: bool = False) -> Result:
    """Return the best label of the mean of several answers' scores; what an answer does not name counts as 0."""
    scores: Counter[tuple[str, str]] = Counter()
    times_first: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        times_first.update([prediction[:2] for prediction in answer.predictions[:1]])
        for class_id, label, score in answer.predictions:
            scores[class_id, label] += score / len(answers)  # type: ignore[assignment]
    best = max(scores, key=lambda label: (times_first[label] * is_decided, scores[label]), default=None)
    if best is None or (scores[best] < threshold and len(answers) > 1):
        return Result(answers[0].source)
    return Result(answers[0].source, (Prediction(*best, scores[best]),))


class ClipsOutput(Output):
    """Saves annotated clips of videos, and hands all other pictures on; clips are called and kept as the copies are."""

    draws = True

    def __init__(self, pictures: AnnotatedOutput, threshold: float = 0, is_decided: bool = False) -> None:
        self._pictures = pictures
        self._asked = threshold, is_decided
        self._video = ""  # of which frames are coming
        self._captions = Captions()
        self._failed = 0

    def write(self, frame: Frame, result: Result) -> None:
        """Take one picture; the first one that is not of the present video has that one's clip made."""
        video, seconds = frame_of(result.source) or ("", 0.0)
        if video != self._video and result.source != self._video:  # an error of the video itself is called as it
            self._make_clip()
            self._video, self._captions = video, Captions(*self._asked)
        if not video:
            self._pictures.write(frame, result)
        elif not result.error:
            self._captions.add(seconds, result)

    def lacks(self, source: str) -> bool:
        """Return whether this is a frame of a video whose clip is not there."""
        of_video = frame_of(source)
        return of_video is not None and not self._path_for(of_video[0]).exists()

    def finish(self) -> int:
        """Make the last clip; return how many could not be made."""
        self._make_clip()
        self._video = ""
        return self._failed

    def _path_for(self, video: str) -> Path:
        return self._pictures.path_for(video, (SUFFIX,), SUFFIX)

    def _make_clip(self) -> None:
        if not self._captions.distinct():
            return
        try:
            _save_clip(self._pictures, self._video, self._path_for(self._video), self._captions)
        except ImageError as error:
            logger.error("error: %s: %s", self._video, error)
            self._failed += 1


def _save_clip(pictures: AnnotatedOutput, video: str, path: Path, captions: Captions) -> None:
    """Save a clip as copies of pictures are; raises ImageError when that cannot be done."""
    is_same = False

    def make(file: Path) -> None:
        nonlocal is_same
        write_clip(file, video, captions)
        is_same = path.is_file() and filecmp.cmp(file, path, shallow=False)

    if not pictures.save(path, video, make) and not is_same:
        raise ImageError(f"not annotated: {path} exists and differs (--force overwrites it)")


def write_clip(file: Path, video: str, captions: Captions) -> None:
    """Write the annotated clip of a video as MP4; raises ImageError when it cannot be read or encoded."""
    try:
        check_can_encode()
        import av
    except UsageError as error:
        raise ImageError(str(error)) from error
    try:
        with av.open(str(file), "w", format="mp4", options={"movflags": "faststart"}) as output:
            _encode(output, video, captions)
    except av.error.FFmpegError as error:
        if isinstance(error, OSError) and error.filename is None:
            raise OSError(error.errno, error.strerror) from error
        raise ImageError(f"no annotated clip can be made of it: {first_line(error)}") from error


def _encode(output: "av.container.OutputContainer", video: str, captions: Captions) -> None:
    from sources.video import SECOND, Video

    source, sound, stream = Video(video), _Sound(output, video), None
    for now in source.times():
        pixels = source.pixels()
        if stream is None:
            width, height = _size_for(pixels, captions)
            stream = _add_video(output, width, height)
        frame = _to_frame(draw_label(pixels, captions.at(now / SECOND)), width, height)
        frame.pts, frame.duration = (round(time * CLOCK / SECOND) for time in (now, source.step))
        output.mux(stream.encode(frame))
        sound.write_until(now / SECOND)
    if stream is None:
        raise ImageError("no annotated clip can be made of it: it cannot be read again")
    output.mux(stream.encode(None))
    sound.write_until(float("inf"))


def _add_video(output: "av.container.OutputContainer", width: int, height: int) -> Any:
    from av.codec.context import Flags

    stream: Any = output.add_stream("libx264", options=QUALITY)
    stream.codec_context.flags |= Flags.frame_duration
    stream.codec_context.max_b_frames = 0  # with them, the last frames of a variable rate would not count as time
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.time_base = Fraction(1, CLOCK)
    return stream


def _size_for(pixels: np.ndarray, captions: Captions) -> tuple[int, int]:
    """Return a width and a height that hold the frames with all their captions, and are even, as H.264 wants."""
    sizes = [draw_label(pixels, text).shape[:2] for text in captions.distinct()]
    height, width = np.max(sizes, axis=0)
    return int(width + width % 2), int(height + height % 2)


def _to_frame(pixels: np.ndarray, width: int, height: int) -> "av.VideoFrame":
    import av

    below, right = height - pixels.shape[0], width - pixels.shape[1]
    if below or right:
        pixels = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_CONSTANT, value=PAPER)
    return av.VideoFrame.from_ndarray(pixels, format="rgb24")


class _Sound:
    """The sound of a video, encoded again as AAC, which MP4 and browsers take; it is written beside the frames."""

    def __init__(self, output: "av.container.OutputContainer", video: str) -> None:
        import av

        self._output = output
        self._source = av.open(os.path.abspath(video))
        self._stream: Any = None
        if self._source.streams.audio:
            layout = "mono" if self._source.streams.audio[0].channels == 1 else "stereo"
            self._stream = output.add_stream("aac", rate=SOUND_RATE, layout=layout)
        self._frames = self._decode()
        self._next = next(self._frames, None)

    def write_until(self, seconds: float) -> None:
        """Write what sounds before a time."""
        while self._next is not None and self._next.time <= seconds:
            self._output.mux(self._stream.encode(self._next))
            self._next = next(self._frames, None)
            if self._next is None:
                self._output.mux(self._stream.encode(None))

    def _decode(self) -> Iterator[Any]:
        """Yield frames of sound, with times that count from the first frame of the video; skip what is damaged."""
        import av

        video = self._source.streams.video[0]
        offset = (video.start_time or 0) * (video.time_base or Fraction(0))
        for packet in self._source.demux(self._source.streams.audio[:1]) if self._stream else ():
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            frame: Any
            for frame in frames:
                frame.pts -= round(offset / frame.time_base)
                if frame.pts >= 0:
                    yield frame
