"""Frames of videos: which, called how, how they look; and videos that are damaged, not whole, or none."""

import csv
import functools
import os
import socket
import subprocess
import sys
import threading
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate

import pytest
from conftest import IMAGES, ROOT

pytest.importorskip("av", reason="PyAV makes the videos of these tests")
from clip_maker import NOISE, SECONDS, claim, make_clip, make_sound_only, turn

from errors import ImageError
from sources.pictures import find_pictures
from sources.search import Search

COLORS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (40, 40, 40), (200, 200, 200)]
NOISY = {"shade": NOISE.__getitem__}
FIRST = NOISY | {"container": {"movflags": "faststart"}}  # the index comes before the frames: parts can be read


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "clip.mp4")


def found(path, every="1s", **options):
    return list(find_pictures(str(path), Search(every=every, **options)))


def times(pictures):
    return [picture.source.rpartition("#t=")[2] for picture in pictures]


def error_of(path, **options):
    *frames, last = found(path, **options)
    assert last.source == str(path)
    assert isinstance(last.picture, ImageError)
    return str(last.picture), times(frames)


@pytest.mark.parametrize(
    ("every", "expected"),
    [("1s", "0.000 1.000 2.000"), ("0.7s", "0.000 0.700 1.400 2.100 2.800"), ("15", "0.000 1.500"), ("9999s", "0.000")],
)
def test_frames_asked_for(clip, every, expected):
    pictures = found(clip, every)
    assert times(pictures) == expected.split()
    assert pictures[0].source == f"{clip}#t=0.000"
    assert pictures[0].picture.shape == (48, 64, 3)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_times_of_a_variable_frame_rate_are_true(tmp_path, name):
    steps = list(accumulate([0.033, 0.1, 0.02, 0.5] * 3, initial=0))
    assert times(found(make_clip(tmp_path / name, steps), 1)) == [f"{seconds:.3f}" for seconds in steps]
    assert times(found(tmp_path / name)) == ["0.000", "1.306"]


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_first_frame_is_at_0(tmp_path, name):
    assert times(found(make_clip(tmp_path / name, [1.5 + seconds for seconds in SECONDS]))) == [
        "0.000",
        "1.000",
        "2.000",
    ]


def test_recording_that_starts_anew_goes_on(tmp_path):
    part = make_clip(tmp_path / "part.ts").read_bytes()
    (tmp_path / "both.ts").write_bytes(part + part)
    assert times(found(tmp_path / "both.ts")) == ["0.000", "1.000", "2.000", "3.000", "4.000", "5.000"]


def test_frames_in_one_millisecond_have_names_of_their_own(tmp_path):
    pictures = found(make_clip(tmp_path / "fast.mp4", [number / 4000 for number in range(20)]), 1)
    assert len({picture.source for picture in pictures}) == 20


@pytest.mark.parametrize(("degrees", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_frames_are_upright(clip, degrees, corner):
    turn(clip, degrees)
    pixels = found(clip)[0].picture
    assert pixels.shape == ((64, 48, 3) if degrees != 180 else (48, 64, 3))
    assert pixels[corner].min() > 240
    assert pixels[tuple(-1 - place for place in corner)].max() < 20


@pytest.mark.parametrize(
    ("stretched", "shape"), [((2, 1), (48, 128, 3)), ((1, 2), (96, 64, 3)), ((99, 1), (48, 64, 3))]
)
def test_pixels_that_are_not_square_become_so(tmp_path, stretched, shape):
    assert found(make_clip(tmp_path / "s.mp4", stretched=Fraction(*stretched)))[0].picture.shape == shape


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ten_bits.mp4", {"pixels": "yuv420p10le"}),
        ("odd.webm", {"codec": "libvpx-vp9", "size": (63, 47)}),
        ("alpha.mov", {"codec": "qtrle", "pixels": "argb", "clock": 10}),
        ("old.avi", {"codec": "mpeg4", "clock": 10}),
    ],
)
def test_other_kinds_of_video(tmp_path, name, options):
    pictures = found(make_clip(tmp_path / name, **options))
    assert times(pictures) == ["0.000", "1.000", "2.000"]
    assert pictures[0].picture[0, 0].min() > 240


def test_scenes(tmp_path):
    cuts = make_clip(tmp_path / "cuts.mp4", [n / 10 for n in range(100)], lambda number: COLORS[number // 20])
    assert times(found(cuts, "scene")) == ["0.000", "2.000", "4.000", "6.000", "8.000"]


def test_fades_and_flicker_are_few_scenes(tmp_path):
    steps = [number / 30 for number in range(90)]
    assert 1 < len(found(make_clip(tmp_path / "fade.mp4", steps, lambda number: 2 * number), "scene")) < 8
    assert len(found(make_clip(tmp_path / "strobe.mp4", steps, lambda number: number % 2 * 255), "scene")) <= 6


@pytest.mark.parametrize("name", ["c.mp4", "c.mkv", "c.avi"])
def test_truncated_video_gives_what_it_holds(tmp_path, name):
    codec = {"codec": "mpeg4", "clock": 10} if name == "c.avi" else {}
    data = make_clip(
        tmp_path / name, **codec, **FIRST if name == "c.mp4" else {"shade": NOISE.__getitem__}
    ).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 4 // 5])
    error, frames = error_of(tmp_path / name)
    assert error.startswith("the file ends early: at least ")
    assert frames[:1] == ["0.000"]


def test_video_that_ends_in_zeros(tmp_path):
    clip = make_clip(tmp_path / "z.mp4", **FIRST)
    with open(clip, "r+b") as file:
        file.seek(-9000, os.SEEK_END)
        file.write(bytes(9000))
    error, frames = error_of(clip)
    assert "zeros" in error
    assert frames[:1] == ["0.000"]


def test_frames_after_damage_in_the_middle(tmp_path):
    clip = make_clip(tmp_path / "d.mp4", **FIRST)
    whole = float(times(found(clip, "1"))[-1])
    with open(clip, "r+b") as file:
        file.seek(clip.stat().st_size // 2)
        file.write(bytes(8000))
    error, frames = error_of(clip, every="1")
    assert error.startswith("is damaged: frames are missing after ")
    assert whole - 0.5 < float(frames[-1]) <= whole


@pytest.mark.parametrize("pattern", ["*.mp4", "**/c?ip.mp4"])
def test_pattern_of_videos(clip, pattern):
    assert times(find_pictures(str(clip.parent / pattern))) == ["0.000", "1.000", "2.000"]


def test_video_that_claims_too_many_frames(clip):
    claim(clip, b"stts", 10**9)
    assert times(found(clip)) == ["0.000", "1.000", "2.000"]
    claim(clip, b"stsz", 10**9)
    assert error_of(clip) == ("is a damaged video: nothing in it can be decoded", [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (bytes(5000), "holds only zero bytes (an interrupted copy?)"),
        (b"<!doctype html><p>Not found", "is an HTML page, not a video (a failed download?)"),
        (b"\x1a\x45\xdf\xa3" + bytes(600), "holds no video that can be read: only sound, or it is damaged"),
        (b"\xfb\x81" * 500, "is not a video in a known format"),
    ],
)
def test_what_is_no_video(tmp_path, data, message):
    (tmp_path / "x.mp4").write_bytes(data)
    assert error_of(tmp_path / "x.mp4") == (message, [])


def test_mp4_without_video_or_index(tmp_path, clip):
    assert error_of(make_sound_only(tmp_path / "s.mp4")) == ("holds no video, only sound", [])
    clip.write_bytes(clip.read_bytes()[:1000])
    assert error_of(clip)[0].startswith("its index (moov) is missing: the recording was not finished")


def test_no_file_a_pipe_and_a_folder(tmp_path):
    assert error_of(tmp_path / "x.mp4") == ("no such file", [])
    os.mkfifo(tmp_path / "pipe.mp4")
    assert error_of(tmp_path / "pipe.mp4") == ("is not a regular file (a pipe or a device?)", [])


def test_name_that_is_not_utf_8(clip):
    name = os.fsdecode(os.fsencode(clip.parent) + b"/\xff.mp4")
    clip.rename(name)
    assert times(found(name)) == ["0.000", "1.000", "2.000"]


def test_picture_called_a_video_is_a_picture(tmp_path):
    (tmp_path / "cat.mp4").write_bytes((IMAGES / "cat.png").read_bytes())
    assert found(tmp_path / "cat.mp4") == [str(tmp_path / "cat.mp4")]


def test_video_from_the_command_line(run, clip, tmp_path):
    """The run that goes on ends with the file of an undisturbed one; in a folder, videos are taken with --video."""
    classify = functools.partial(run, "tests/quick_classify.py", PYTHONPATH=str(ROOT))
    arguments = ["--every", "0.5s", "--threshold", "0.01", "-k1", "--output"]
    assert classify(clip, *arguments, tmp_path / "whole.csv").returncode == 0
    whole = (tmp_path / "whole.csv").read_bytes()
    rows = list(csv.DictReader(whole.decode().splitlines()))
    assert [row["path"] for row in rows] == [f"{clip}#t={half / 2:.3f}" for half in range(6)]
    (tmp_path / "whole.csv").write_bytes(b"".join(whole.splitlines(keepends=True)[:3]))
    assert classify(clip, *arguments, tmp_path / "whole.csv", "--resume").returncode == 0
    assert (tmp_path / "whole.csv").read_bytes() == whole
    assert classify(tmp_path, *arguments, tmp_path / "folder.csv", "--video").returncode == 0
    assert (tmp_path / "folder.csv").read_bytes() == whole


class Server(BaseHTTPRequestHandler):
    """Serves a clip, a part of it, or the answer that a path names."""

    def __init__(self, data, stopped, *arguments):
        self.data, self.stopped = data, stopped
        super().__init__(*arguments)

    def do_GET(self):
        if self.path.startswith("/404"):
            return self.send_error(404)
        part = len(self.data) if self.path.startswith("/whole") else len(self.data) * 2 // 3
        if not self.path.startswith("/silent"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.data)))
            self.end_headers()
            self.wfile.write(self.data[:part])
        if not self.path.startswith(("/whole", "/part")):
            self.stopped.wait(20)
        return None

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def url(tmp_path):
    data = make_clip(tmp_path / "served.mp4", **FIRST).read_bytes()
    stopped = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, data, stopped)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:secret@127.0.0.1:{server.server_port}"
        stopped.set()
        server.shutdown()


def test_video_on_the_web(url):
    pictures = found(f"{url}/whole.mp4", timeout=5)
    assert times(pictures) == ["0.000", "1.000", "2.000"]
    assert pictures[0].source.startswith("http://***@127.0.0.1:")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("404.mp4", "the server answers 404 Not Found"),
        ("silent.mp4", "cannot be reached: timed out"),
        ("part.mp4", "the stream ended early, after "),
        ("stalls.mp4", "the stream stopped: nothing came for 1 seconds (--timeout)"),
    ],
)
def test_video_on_the_web_that_fails(url, path, message):
    last = found(f"{url}/{path}", timeout=1)[-1]
    assert str(last.picture).startswith(message)
    assert "secret" not in last.source


def test_rtsp_server_that_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        [last] = found(f"rtsp://me:secret@127.0.0.1:{server.getsockname()[1]}/live", timeout=1)
    assert str(last.picture) == "cannot be opened: no server answered within 1 seconds, or it has no such stream"
    assert last.source.startswith("rtsp://***@")


def test_video_that_is_left_early_does_not_abort_python(tmp_path):
    """When Python ends, a thread that nobody waits for is inside of OpenCV."""
    path = make_clip(tmp_path / "long.mp4", [number / 100 for number in range(250)], lambda number: number, (1280, 720))
    code = (
        "from sources.frames import read_ahead; from sources.pictures import find_pictures\n"
        "from sources.search import Search\n"
        f"next(read_ahead(find_pictures({str(path)!r}, Search(every=200)), str))"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
