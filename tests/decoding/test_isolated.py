"""Decoders in processes of their own: what crashes or hangs costs one picture, and nothing is left behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import numpy as np
import pillow_heif
import pytest
from conftest import IMAGES, ROOT
from PIL import Image

from decoding.formats import HEIC, JPEG_XL
from decoding.isolated import Decoders
from decoding.memory import ROOM, room_for
from errors import ImageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
LIMITS = {"max_pixels": 10**8, "min_side": None, "room": ExitStack()}  # small pictures take none


def heic(image):
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=80)
    return file.getvalue()


@pytest.fixture(scope="module")
def cat():
    return heic(Image.open(IMAGES / "cat.png").convert("RGB"))


@pytest.fixture
def own():
    """Decoders with processes that end with the test."""
    decoders = Decoders()
    yield decoders
    decoders.close()


@pytest.fixture
def scripted(tmp_path):
    """Decoders whose process runs the code given."""
    made = []

    def make(code):
        (tmp_path / "child.py").write_text(code)
        made.append(Decoders(tmp_path / "child.py"))
        return made[-1]

    yield make
    for decoders in made:
        decoders.close()


def is_running(pid):
    """Return whether there is such a process that has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout[:1] not in "Z"


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


READ_ORDER = "import os, sys; sys.stdin.buffer.read(100); "


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (READ_ORDER + "os.kill(os.getpid(), 11)", "signal SIGSEGV"),
        (READ_ORDER + "os.abort()", "signal SIGABRT"),
        (READ_ORDER + "os.write(1, b'1234'); os._exit(3)", "exit code 3"),
        ("import os; os._exit(9)", "exit code 9"),
    ],
)
def test_crash_costs_one_picture(cat, scripted, code, reason):
    decoders = scripted(code)
    for _ in range(2):
        with pytest.raises(ImageError, match=rf"^the HEIC decoder crashed on it \({reason}\)"):
            decoders.decode(io.BytesIO(cat), HEIC, **LIMITS)
    assert decoders.pids() == []


def test_what_hangs_is_stopped(cat, scripted):
    decoders = scripted("import time; time.sleep(100)")
    with pytest.raises(ImageError, match=r"^the HEIC decoder was stopped after 0.2 seconds$"):
        decoders.decode(io.BytesIO(cat), HEIC, **LIMITS, seconds=0.2)
    assert decoders.pids() == []


def test_process_is_kept_for_the_next_picture(cat, own):
    for _ in range(2):
        own.decode(io.BytesIO(cat), HEIC, **LIMITS)
    with pytest.raises(ImageError, match="damaged HEIC"):
        own.decode(io.BytesIO(cat[:-100]), HEIC, **LIMITS)
    own.decode(io.BytesIO(cat), HEIC, **LIMITS)
    assert len(own.pids()) == 1


def test_picture_is_decoded_again_when_the_process_is_killed_on_the_way(cat, own):
    whole = own.decode(io.BytesIO(cat), HEIC, **LIMITS)
    (pid,) = own.pids()
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)).start()
    assert own.decode(io.BytesIO(cat), HEIC, **LIMITS) == whole
    assert own.pids() != [pid]


def test_threads_have_a_process_each(cat, own):
    whole, results = own.decode(io.BytesIO(cat), HEIC, **LIMITS), []

    def decode():
        for _ in range(5):
            results.append(own.decode(io.BytesIO(cat), HEIC, **LIMITS))

    threads = [threading.Thread(target=decode) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [whole] * 15
    assert len(own.pids()) <= 3


def test_large_picture_waits_for_room(own):
    data = io.BytesIO()
    pytest.importorskip("pillow_jxl")
    Image.new("L", (5100, 5100), 77).save(data, "JXL", effort=1)
    decoded = []

    def decode():
        with ExitStack() as room:
            decoded.append(own.decode(data, JPEG_XL, 10**8, 50, room))

    data.seek(0)
    with room_for(ROOM):
        thread = threading.Thread(target=decode)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join()
    assert np.abs(np.asarray(decoded[0]).astype(int) - 77).max() < 2


def test_nothing_is_left_after_close(cat, own):
    own.decode(io.BytesIO(cat), HEIC, **LIMITS)
    (pid,) = own.pids()
    own.close()
    assert not is_running(pid)
    own.decode(io.BytesIO(cat), HEIC, **LIMITS)  # which starts another one


PROGRAM = f"""
import os, sys, io
sys.path.insert(0, {str(ROOT)!r})
from preprocess import read_image
from decoding.isolated import decoders
assert sys.argv[1] and read_image(sys.argv[1]).size == (451, 300)
if read_image(sys.argv[1]).size != (451, 300) or "pillow_heif" in sys.modules:
    sys.exit("wrong")
"""


def start(cat, tmp_path, program, *options, **popen):
    (tmp_path / "cat.heic").write_bytes(cat)
    return subprocess.Popen(
        [sys.executable, *options, "-c", PROGRAM + program, tmp_path / "cat.heic"],
        stdout=subprocess.PIPE, text=True, **popen,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_run_is_killed(cat, tmp_path, number):
    program = "print(*decoders.pids(), flush=True); import time; time.sleep(100)"
    with start(cat, tmp_path, program, process_group=0, stderr=subprocess.DEVNULL) as process:
        pid = int(process.stdout.readline())
        assert is_running(pid)
        os.killpg(process.pid, number)
        process.wait()
    assert wait_until(lambda: not is_running(pid))


@pytest.mark.parametrize("option", ["-OO", "-I", "-Werror"])
def test_python_may_run_with(option, cat, tmp_path):
    with start(cat, tmp_path, "", option) as process:
        assert process.wait() == 0


def test_current_folder_may_be_gone(cat, tmp_path):
    (tmp_path / "gone").mkdir()
    program = "os.rmdir(os.getcwd()); decoders.close(); assert read_image(sys.argv[1]).size"
    with start(cat, tmp_path, program, cwd=tmp_path / "gone") as process:
        assert process.wait() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_process_has_its_own(cat, tmp_path):
    program = """
before = decoders.pids()
if os.fork() == 0:
    read_image(sys.argv[1])
    os._exit(len(set(decoders.pids()) & set(before)))
assert os.wait()[1] == 0 and read_image(sys.argv[1]).size and decoders.pids() == before
"""
    with start(cat, tmp_path, program) as process:
        assert process.wait() == 0
