"""Annotated clips of videos: what is written on them, that browsers play them, and runs that break off."""

import functools
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import IMAGES, ROOT

av = pytest.importorskip("av", reason="PyAV makes the clips")
from clip_maker import NOISE, SECONDS, make_clip, turn  # noqa: E402

from outputs.clips import Captions  # noqa: E402
from results import Prediction, Result  # noqa: E402

FIRST = {"container": {"movflags": "faststart"}}  # the index before the frames
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def quick(folder, *arguments):
    """Classify by the red of a picture's first pixel."""
    command = [sys.executable, ROOT / "tests" / "quick_classify.py", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def answer(label, score, *others):
    return Result(
        "", (Prediction(f"id_{label}", label, score), *(Prediction(f"id_{name}", name, p) for name, p in others))
    )


def look_at(path):
    """Return the size, the seconds of each frame, the duration and the codecs of a clip."""
    with av.open(str(path)) as clip:
        video = clip.streams.video[0]
        seconds = [float(frame.time) for frame in clip.decode(video)]
        codecs = [video.codec_context.name, *(stream.codec_context.name for stream in clip.streams.audio)]
        return (video.width, video.height), seconds, clip.duration / 1e6, codecs


def test_captions_are_means_of_a_second():
    captions = Captions()
    for number in range(60):  # 30 a second, of which the best changes each time
        label = answer("cat", 0.6, ("dog", 0.3)) if number % 2 else answer("dog", 0.55, ("cat", 0.4))
        captions.add(number / 30, label)
    assert {captions.at(number / 300) for number in range(700)} == captions.distinct()
    assert all(text.startswith("cat: ") for text in captions.distinct())
    assert captions.at(0) == "cat: 49.63%"


@pytest.mark.parametrize("step", [0.97, 1.0, 1.033])
def test_answers_a_second_apart_have_a_caption_each(step):
    captions = Captions()
    for number in range(5):
        captions.add(number * step, answer(f"label{number}", 0.5))
    assert [captions.at(number * step)[:6] for number in range(5)] == [f"label{number}" for number in range(5)]
    assert captions.at(2.9 * step).startswith("label2")
    assert captions.at(99).startswith("label4")


@pytest.mark.parametrize(
    ("threshold", "is_decided", "expected"),
    [(0, False, "cat: 60.00%"), (0.7, False, "unsure"), (0, True, "dog: 40.00%")],
)
def test_captions_decide_as_the_classifier(threshold, is_decided, expected):
    captions = Captions(threshold, is_decided)
    for seconds in (0, 0.1, 0.2):
        captions.add(seconds, answer("dog", 0.4, ("cat", 0.6)))
    assert captions.at(0.5) == expected


def test_clip_has_the_times_of_its_video_and_its_sound(tmp_path):
    times = [0, 0.1, 0.15, 0.9, 1.0, 1.8]
    make_clip(tmp_path / "clip.mkv", times, size=(321, 241), codec="libvpx-vp9", sound=True)
    assert quick(tmp_path, "clip.mkv", "--annotate", "out").returncode == 0
    size, seconds, duration, codecs = look_at(tmp_path / "out" / "clip.mkv.mp4")
    assert (size, codecs) == ((322, 242), ["h264", "aac"])
    assert seconds == pytest.approx(times, abs=0.001)
    assert duration >= seconds[-1] + 0.5


def test_turned_clip_is_upright_without_saying_so(tmp_path):
    turn(make_clip(tmp_path / "clip.mp4", size=(320, 240)), 90)
    assert quick(tmp_path, "clip.mp4", "--annotate", "out").returncode == 0
    with av.open(str(tmp_path / "out" / "clip.mp4")) as clip:
        frame = next(clip.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (240, 320, 0)
        assert frame.to_ndarray(format="rgb24")[80, -20].min() > 230  # the white quarter


def test_pictures_beside_videos_and_a_damaged_one(tmp_path):
    """A damaged video has a clip of what it holds; what is no video has none."""
    (tmp_path / "a").mkdir()
    make_clip(tmp_path / "a" / "whole.mp4")
    data = make_clip(tmp_path / "a" / "part.mp4", shade=NOISE.__getitem__, **FIRST).read_bytes()
    (tmp_path / "a" / "part.mp4").write_bytes(data[: len(data) // 2])
    (tmp_path / "a" / "none.mp4").write_bytes(b"")
    shutil.copy(IMAGES / "cat.png", tmp_path / "a")
    finished = quick(tmp_path, "a", "--video", "--annotate", "out")
    assert finished.returncode == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"cat.png", "whole.mp4", "part.mp4"}
    assert len(look_at(tmp_path / "out" / "part.mp4")[1]) < len(SECONDS)


def test_clip_that_exists(tmp_path):
    make_clip(tmp_path / "clip.mp4")
    run = functools.partial(quick, tmp_path, "clip.mp4", "--annotate", "out")
    assert [run().returncode, run().returncode] == [0, 0]  # the same clip again
    (tmp_path / "out" / "clip.mp4").write_bytes(b"mine")
    finished = run()
    assert finished.returncode == 1
    assert "error: clip.mp4: not annotated: out/clip.mp4 exists and differs (--force overwrites it)" in finished.stderr
    assert run("--force").returncode == 0
    assert len(look_at(tmp_path / "out" / "clip.mp4")[1]) == len(SECONDS)


@pytest.mark.parametrize("rows", [0, 2, 3])
def test_resumed_run_makes_the_clip_that_is_missing(tmp_path, rows):
    make_clip(tmp_path / "clip.mp4")
    run = functools.partial(quick, tmp_path, "clip.mp4", "--annotate", "out", "-o", "r.csv")
    assert run().returncode == 0
    expected = [(tmp_path / name).read_bytes() for name in ("r.csv", "out/clip.mp4")]
    (tmp_path / "r.csv").write_bytes(b"".join(expected[0].splitlines(keepends=True)[: rows + 1]))
    (tmp_path / "out" / "clip.mp4").unlink()
    assert run("--resume").returncode == 0
    assert [(tmp_path / name).read_bytes() for name in ("r.csv", "out/clip.mp4")] == expected


def test_without_pyav_it_says_so_at_once(tmp_path):
    make_clip(tmp_path / "clip.mp4")
    (tmp_path / "without.py").write_text(
        "import importlib.util as util, runpy, sys\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'av' else find(name, *rest)\n"
        f"sys.argv = ['classify_image.py', 'clip.mp4', '--annotate', 'out']\n"
        f"runpy.run_path({str(ROOT / 'classify_image.py')!r}, run_name='__main__')\n"
    )
    command = [sys.executable, "without.py"]
    finished = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert finished.returncode == 2
    assert "pip install -r requirements-video.txt" in finished.stderr
    assert finished.stdout == ""


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_browser_plays_the_clip(tmp_path):
    make_clip(tmp_path / "clip.mp4", size=(320, 240), sound=True)
    assert quick(tmp_path, "clip.mp4", "--annotate", "out").returncode == 0
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "out"))
    handler.func.log_message = lambda *_: None
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        pytest.importorskip("playwright.sync_api").sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(f'<video muted autoplay src="http://127.0.0.1:{server.server_port}/clip.mp4"></video>')
        page.wait_for_function("document.querySelector('video').currentTime > 0.1")
        video = page.locator("video")
        shown = [video.evaluate(f"video => video.{name}") for name in ("videoWidth", "videoHeight", "duration")]
        browser.close()
        server.shutdown()
    assert shown == [320, 240, pytest.approx(3.0, abs=0.05)]
