"""Ctrl-C at any moment, from a script's first line on: one line, exit code 130, no traceback."""

import contextlib
import os
import random
import signal
import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT
from PIL import Image

pytest.importorskip("resource", reason="signals of Unix")

SCRIPTS = {
    "classify_image.py": ["-i", IMAGES, "-b", "1", "--copy-to", "copies", "--annotate", "annotated", "-o", "r.csv",
                          "--force"],
    "train_classifier.py": ["--data", "data", "--output", "run", "--force"],
    "evaluate_classifier.py": ["--data", "data", "--output", "report", "--force"],
    "compare_models.py": ["-i", IMAGES, "-m", "efficientnet_lite0", "efficientnet_lite1", "--figure", "figure.png",
                          "--force"],
    "benchmark_models.py": ["--count", "2", "--repeats", "1"],
    "export_model.py": ["--format", "openvino", "saved_model", "--output", "exported", "--force"],
    "check_gpu.py": ["--backend", "openvino", "tensorflow"],
}  # fmt: skip
EACH_SCRIPT = pytest.mark.parametrize("script", SCRIPTS)
TIMES = b"import time:"  # how each line of `python -X importtime` begins


@pytest.fixture
def folder(tmp_path):
    """A folder with a data set of two classes of ImageNet."""
    for red, label in enumerate(("goldfish", "hammerhead")):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(6):
            color = (red * 200, number * 10, 0)
            Image.new("RGB", (64, 64), color).save(tmp_path / "data" / label / f"{number}.png")
    return tmp_path


def start(script, folder, *arguments, handler=signal.default_int_handler):
    """Start a script in a process group of its own, as a shell does with a terminal's foreground job."""
    variables = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.Popen(
        [sys.executable, "-X", "importtime", ROOT / script, *(arguments or SCRIPTS[script])],
        cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, handler),
    )  # fmt: skip


def read_imports(process, count):
    """Return when the script has begun and has imported `count` modules more."""
    for line in process.stderr:
        if line.rstrip().endswith(b" interrupts"):
            break
    for _ in range(count):
        assert process.stderr.readline().startswith(TIMES)


def interrupt(process):
    """Press Ctrl-C in the terminal."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)


def check_end(process):
    """Let a process end; check that it was interrupted in one line, or had finished already."""
    with process:
        _, stderr = process.communicate()
    lines = [line.decode() for line in stderr.splitlines() if not line.startswith(TIMES)]
    assert not [line for line in lines if "Traceback" in line or "Exception ignored" in line], lines
    assert process.returncode in (130, 0, 1), lines
    assert len([line for line in lines if line.startswith("interrupted")]) == (process.returncode == 130), lines


@EACH_SCRIPT
@pytest.mark.parametrize("count", [1, 25, 50, 100])
def test_while_modules_are_imported(folder, script, count):
    process = start(script, folder)
    read_imports(process, count)
    interrupt(process)
    check_end(process)
    assert process.returncode == 130


@EACH_SCRIPT
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.6])
def test_while_it_works(folder, script, seconds):
    interrupt_after(start(script, folder), seconds)


def interrupt_after(process, *seconds):
    read_imports(process, 1)
    for pause in seconds:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(pause)
        interrupt(process)
    check_end(process)


@EACH_SCRIPT
@pytest.mark.parametrize("pause", [0, 0.01, 0.1])
def test_pressed_twice(folder, script, pause):
    interrupt_after(start(script, folder), 0.5, pause)


def test_while_children_say_what_they_do(folder):
    """With --debug they share stderr, but Ctrl-C is for the script alone."""
    interrupt_after(start("check_gpu.py", folder, "--debug", "--backend", "openvino", "tensorflow"), 1)


@pytest.mark.slow
@EACH_SCRIPT
def test_at_fifty_random_moments(folder, script):
    rng = random.Random(script)
    for _ in range(25):
        interrupt_after(start(script, folder), rng.random() * 2)
        interrupt_after(start(script, folder), rng.random() * 8, rng.random() / 5)


@EACH_SCRIPT
def test_stays_ignored_in_a_background_job(folder, script):
    process = start(script, folder, "--version", handler=signal.SIG_IGN)
    read_imports(process, 1)
    interrupt(process)
    check_end(process)
    assert process.returncode == 0
