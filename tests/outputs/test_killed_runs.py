"""Runs that are ended at any step and go on: all copies are there as if nothing had happened, and nothing else."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import ROOT
from PIL import Image

pytest.importorskip("resource", reason="signals of Unix")

STEPS = 58  # of a run on three photos, until it only tidies up; see killed_classify.py
FOLDERS = ["--copy-to", "out/copies", "--link-to", "out/links", "--annotate", "out/annotated"]
RUN = ["-i", "photos", "-b", "1", "-o", "r.csv", *FOLDERS]


@pytest.fixture
def folder(tmp_path):
    make_photos(tmp_path / "photos", 3)
    return tmp_path


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What an uninterrupted run writes."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_photos(folder / "photos", 3)
    assert finish(folder, "quick_classify.py", *RUN)[0] == 0
    return tree(folder)


def make_photos(folder, count, size=(60, 40)):
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", size, (number % 7, 0, 0)).save(folder / f"{number:03}.png")


def start(folder, script, *arguments, **options):
    """Start a script of the tests in `folder`, as a shell does in the foreground."""
    return subprocess.Popen(
        [sys.executable, ROOT / "tests" / script, *map(str, arguments)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored in a background job
        **{"stdin": subprocess.DEVNULL} | options,
    )  # fmt: skip


def finish(folder, script, *arguments):
    """Run a script of the tests; return its exit code and what it says."""
    with start(folder, script, *arguments) as process:
        output, messages = process.communicate()
    return process.returncode, output, messages


def tree(folder):
    """Return all that there is below a folder: {path: the content, or where a link leads}."""
    return {str(path.relative_to(folder)): look(path, folder) for path in folder.rglob("*")}


def look(path, folder):
    if path.is_symlink():
        return str(path.readlink().relative_to(folder))
    return None if path.is_dir() else path.read_bytes().replace(os.fsencode(folder), b"")


def unfinished(folder):
    return [path for path in tree(folder) if ".unfinished" in path]


def check_killed_and_resumed(folder, expected, step):
    assert finish(folder, "killed_classify.py", step, signal.SIGKILL, *RUN)[0] == -signal.SIGKILL
    assert finish(folder, "quick_classify.py", *RUN, "--resume")[0] == 0
    assert tree(folder) == expected


def check_interrupted_and_resumed(folder, expected, step):
    code, _, messages = finish(folder, "killed_classify.py", step, signal.SIGINT, *RUN)
    assert code == (130 if step < STEPS else 0)
    assert messages.startswith("interrupted" if code else "3 classified")
    assert messages.count("\n") == 1
    assert unfinished(folder) == []
    assert finish(folder, "quick_classify.py", *RUN, "--resume")[0] == 0
    assert tree(folder) == expected


@pytest.mark.parametrize("step", range(2, STEPS, 9))
def test_killed_and_resumed(folder, expected, step):
    check_killed_and_resumed(folder, expected, step)


@pytest.mark.parametrize("step", range(1, STEPS, 11))
def test_interrupted_and_resumed(folder, expected, step):
    check_interrupted_and_resumed(folder, expected, step)


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_killed_and_resumed, check_interrupted_and_resumed])
def test_ended_at_every_step_and_resumed(folder, expected, check):
    steps = int(finish(folder, "killed_classify.py", 0, 0, *RUN)[1])
    assert steps > STEPS
    for step in range(1, steps + 1):
        remove_results(folder)
        check(folder, expected, step)


def remove_results(folder):
    for name in ("r.csv", "r.csv.run.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "out")


def test_killed_and_started_anew(folder, expected):
    assert finish(folder, "killed_classify.py", STEPS // 2, signal.SIGKILL, *RUN)[0] == -signal.SIGKILL
    assert unfinished(folder)
    assert finish(folder, "quick_classify.py", *RUN, "--force")[0] == 0
    assert tree(folder) == expected


def test_what_a_living_run_has_not_finished_stays(folder):
    """Another run into the same folders, which is killed and resumed meanwhile, takes nothing from it."""
    make_photos(folder / "others", 3, size=(30, 20))
    with start(
        folder, "quick_classify.py", "-i", "-", "-b", "1", "-o", "s.csv", *FOLDERS, stdin=subprocess.PIPE
    ) as living:  # fmt: skip
        print("nowhere.png", file=living.stdin, flush=True)
        assert living.stderr.readline() == "error: nowhere.png: no such file\n"
        held = unfinished(folder)
        finish(folder, "killed_classify.py", STEPS // 2, signal.SIGKILL, *RUN)
        assert len(unfinished(folder)) > len(held) > 0
        assert finish(folder, "quick_classify.py", *RUN, "--resume")[0] == 0
        assert unfinished(folder) == held
        living.communicate("".join(f"others/{number:03}.png\n" for number in range(3)))
    copies = [content for path, content in tree(folder).items() if path.startswith("out/copies/tench/")]
    assert sorted(copies) == sorted((folder / name / "000.png").read_bytes() for name in ("photos", "others"))
    assert unfinished(folder) == []


@pytest.mark.slow
def test_killed_two_hundred_times_at_random_moments(tmp_path):
    """Many runs one after the other, each killed and resumed until it is done."""
    make_photos(tmp_path / "photos", 80)
    assert finish(tmp_path, "quick_classify.py", *RUN)[0] == 0
    expected, rng, kills = tree(tmp_path), random.Random(0), 0
    while kills < 200:
        remove_results(tmp_path)
        code = -signal.SIGKILL
        while code == -signal.SIGKILL:
            code = run_until_killed(tmp_path, rng)
            kills += code == -signal.SIGKILL
        assert code == 0
        assert tree(tmp_path) == expected


def run_until_killed(folder, rng):
    """Kill a run a while after it has begun to write; return its exit code, which is 0 when it was quicker."""
    before = size_of(folder / "r.csv")
    with start(folder, "quick_classify.py", *RUN, "--resume") as process:
        while process.poll() is None and size_of(folder / "r.csv") == before:
            wait(process, 0.001)
        wait(process, rng.random() / 5)
        process.kill()
        process.communicate()
    return process.returncode


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def wait(process, seconds):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
