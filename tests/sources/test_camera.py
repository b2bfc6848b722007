"""Cameras: the newest frame, one at a time, and an end whatever happens. A class stands for what OpenCV opens."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import cv2
import numpy as np
import pytest
from conftest import IMAGES, ROOT
from written_results import read_csv

import sources.camera
from classifiers import load_classifier
from classify_image import parse
from errors import ImageError
from outputs import EnoughSeen
from sources.camera import watch
from sources.frames import Frame, read_frames
from sources.pictures import find_pictures
from sources.search import Search
from transforms import Transform

FRAME_SECONDS = 0.01
SIDE = 8  # pixels


class Camera:
    """Gives `frames` frames, each of one colour that counts them, and then `read` does what `then` does."""

    def __init__(self, frames=10**9, then=lambda: (False, None), is_there=True):
        self.frames, self.then, self.is_there = frames, then, is_there
        self.given = 0
        self.released = threading.Event()

    def isOpened(self):
        return self.is_there

    def read(self):
        if self.given == self.frames:
            return self.then()
        time.sleep(FRAME_SECONDS)
        self.given += 1
        return True, np.full((SIDE, SIDE, 3), (0, *divmod(self.given, 256)), np.uint8)  # BGR

    def release(self):
        self.released.set()


class Even:
    """An engine without an opinion."""

    def predict(self, pixels):
        return np.full((len(pixels), 1000), 0.001, np.float32)


def number_of(pixels):
    """Return which frame a picture is, from 1: RGB [H, W, 3]."""
    return int(pixels[0, 0, 0]) + 256 * int(pixels[0, 0, 1])


@pytest.fixture
def plug_in(monkeypatch):
    """Put a camera in the place of those of this machine, and let one that is unplugged be known for so at once."""
    monkeypatch.setattr(sources.camera, "GRACE", 0.1)

    def plug(camera):
        monkeypatch.setattr(sources.camera, "open_camera", lambda _number: camera)
        return camera

    return plug


def test_newest_frame_is_given_and_those_between_are_not(plug_in):
    camera = plug_in(Camera())
    with closing(watch("camera:0")) as frames:
        for _ in range(3):
            time.sleep(10 * FRAME_SECONDS)
            before = camera.given
            given = next(frames)
            assert before - 1 <= number_of(given.picture) <= camera.given
            assert re.fullmatch(r"camera:0#t=\d\.\d{3}", given.source)
    assert camera.released.wait(5)


@pytest.mark.parametrize("given_before", [(), (str(IMAGES / "cat.png"),) * 3])
def test_pipeline_takes_no_frame_before_the_last_is_answered(plug_in, given_before):
    camera = plug_in(Camera())
    found = read_frames(find_pictures([*given_before, "camera:0"]), Transform(32), workers=2, ahead=64)
    with closing(found) as frames:
        live = (frame for frame in frames if frame is None or frame.is_live)
        next(live)
        for frame in itertools.islice(live, 7):
            if frame is None:
                time.sleep(5 * FRAME_SECONDS)  # of work
                newest = camera.given
            else:
                assert number_of(frame.square) >= newest - 1
    assert camera.released.wait(5)


def test_classifier_answers_frames_until_it_is_closed(plug_in):
    camera = plug_in(Camera())
    with closing(load_classifier(engine=Even()).classify("camera:0")) as results:
        sources_seen = [next(results).source for _ in range(3)]
    assert len(set(sources_seen)) == 3
    assert camera.released.wait(5)


@pytest.mark.parametrize(("every", "least"), [("0.05s", 0.05), (4, 4 * FRAME_SECONDS)])
def test_every_makes_them_fewer(plug_in, every, least):
    plug_in(Camera())
    with closing(watch("camera:0", Search(every=every))) as frames:
        times = [float(given.source.partition("=")[2]) for given in itertools.islice(frames, 4)]
    assert all(later - earlier >= least - 0.001 for earlier, later in itertools.pairwise(times))


def fail():
    raise cv2.error("no\nmemory")


@pytest.mark.parametrize(
    ("camera", "options", "error"),
    [
        (Camera(is_there=False), {}, "there is no camera 0, or another program uses it"),
        (Camera(frames=3), {}, "the camera gives no more pictures after 0.0 seconds; is it still plugged in?"),
        (
            Camera(frames=3, then=lambda: time.sleep(60)),
            {"timeout": 0.2},
            "the camera gives no picture for 0.2 seconds",
        ),
        (Camera(frames=3, then=fail), {}, "the camera fails: no"),
        (Camera(), {"every": "scene"}, "--every scene is for videos; give a camera seconds, such as 1s"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_camera_that_ends_ends_with_an_error(plug_in, camera, options, error):
    plug_in(camera)
    *frames, last = watch("camera:0", Search(**options))
    assert all(frame.is_live for frame in frames)
    assert last.source == "camera:0"
    assert isinstance(last.picture, ImageError)
    assert str(last.picture).startswith(error)


def test_machine_without_such_a_camera_says_so_in_one_line(classify):
    finished = classify("camera:99", IMAGES / "coffee.png", "-k", 1, "-q", "--format", "csv")
    _header, error, coffee = finished.stdout.splitlines()
    assert error.startswith('camera:99,efficientnet_lite0,"there is no camera 99, or another program uses it')
    assert "espresso" in coffee
    assert re.fullmatch(r"error: camera:99: there is no camera 99.*\n", finished.stderr)
    assert finished.returncode == 1


def test_camera_cannot_be_resumed(capsys):
    with pytest.raises(SystemExit):
        parse(["camera:0", "-o", "r.csv", "--resume"])
    assert "--resume goes on with pictures that are still there" in capsys.readouterr().err


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A second of the cup of coffee."""
    path = str(tmp_path_factory.mktemp("clip") / "coffee.avi")
    picture = cv2.resize(cv2.imread(str(IMAGES / "coffee.png")), (320, 240))
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for _ in range(30):
        writer.write(picture)
    writer.release()
    return path


def live(clip, *arguments, **environment):
    command = [sys.executable, "tests/live_camera.py", clip, "classify_image.py", "camera:0", "-k", "1", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="signals of Unix")
def test_ctrl_c_ends_with_a_summary_and_whole_rows(clip, tmp_path):
    with live(clip, "-o", str(tmp_path / "r.csv")) as process:
        while not (tmp_path / "r.csv").exists() or len(read_csv(tmp_path / "r.csv")) < 3:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        messages = process.communicate()[1].splitlines()
    rows = read_csv(tmp_path / "r.csv")
    assert {row["label_1"] for row in rows} == {"espresso"}
    assert re.fullmatch(rf"{len(rows)} classified, 0 failed: .* images/s", messages[0])
    assert messages[1:] == [f"interrupted: {tmp_path / 'r.csv'} has {len(rows)} rows"]
    assert process.returncode == 130
    assert os.listdir(tmp_path) == ["r.csv"]


def test_camera_that_is_unplugged_ends_the_run(clip, tmp_path):
    with live(clip, "-o", str(tmp_path / "r.csv"), "-q", FRAMES="20") as process:
        assert process.communicate()[1].startswith("error: camera:0: the camera gives no more pictures after ")
    assert process.returncode == 1
    *rows, last = read_csv(tmp_path / "r.csv")
    assert last["path"] == "camera:0"
    assert {row["error"] for row in rows} == {""}


def test_window_of_a_camera_does_not_wait_and_ends_the_run(monkeypatch):
    """There is no display to test on, so the keys are not those of a window."""
    window = pytest.importorskip("outputs.window")
    keys = iter([-1, -1, ord("q")])
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda title, pixels: shown.append((title, pixels)))
    monkeypatch.setattr(cv2, "waitKey", lambda milliseconds: next(keys))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    output = window.WindowOutput(max_pixels=10**6)
    frame = Frame("camera:0#t=0.000", picture=np.zeros((90, 160, 3), np.uint8), is_live=True)
    result = window.Result(frame.source)
    for _ in range(3):
        output.write(frame, result)
    with pytest.raises(EnoughSeen):
        output.write(frame, result)
    assert len(shown) == 3
