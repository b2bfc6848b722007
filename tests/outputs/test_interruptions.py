"""Real processes that are killed, interrupted, out of space or not alone: nothing that was reported is lost."""

import contextlib
import os
import random
import signal
import subprocess
import sys

import pytest
from conftest import IMAGES, ROOT
from nobody import as_nobody
from PIL import Image
from quick_classify import QuickEngine
from written_results import READERS, read_csv

from classifiers import load_classifier
from outputs.formats import make_format
from outputs.results_file import open_results
from sources.paths import find_images

resource = pytest.importorskip("resource", reason="limits of Unix")

ODD_NAMES = ["new\nline", '"quoted", ', "\r", os.fsdecode(b"\xff"), "🙂", " "]
QUICK = ["tests/quick_classify.py", "-b", "1", "-k", "2"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with `photos`: good pictures, bad ones, and odd names."""
    monkeypatch.chdir(tmp_path)
    make_photos(tmp_path / "photos")
    return tmp_path


def make_photos(folder):
    folder.mkdir()
    for number in range(60):
        path = folder / f"{number:02}{ODD_NAMES[number] if number < len(ODD_NAMES) else ''}.png"
        Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
        if number % 7 == 3:
            path.write_text("no picture")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What an uninterrupted run writes in each format: bytes."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_photos(folder / "photos")
    assert {finish("-i", "photos", "-o", f"r.{format}", cwd=folder)[0] for format in READERS} == {1}
    return {format: (folder / f"r.{format}").read_bytes() for format in READERS}


def start(*arguments, script=QUICK, **options):
    """Start classify_image.py in the current folder, as a shell does in the foreground."""
    command = [sys.executable, f"{ROOT}/{script[0]}", *script[1:], *map(str, arguments)]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, stderr=subprocess.PIPE,
        **{"stdin": subprocess.DEVNULL, "preexec_fn": prepare} | options,
    )  # fmt: skip


def prepare():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job


def finish(*arguments, **options):
    """Run classify_image.py in the current folder; return the exit code and what it says."""
    with start(*arguments, **options) as process:
        _, messages = process.communicate()
    return process.returncode, messages


def wait(process, seconds):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def size(path):
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("format", READERS)
def test_killed_at_random_moments_and_resumed_is_as_never_killed(folder, expected, format):
    output, rng = folder / f"r.{format}", random.Random(format)
    kills = 0
    exit_code = -signal.SIGKILL
    while exit_code == -signal.SIGKILL:
        until = size(output) + rng.randrange(len(expected[format]) // 3)
        with start("-i", "photos", "-o", output, "--resume") as process:
            while process.poll() is None and size(output) < until:
                wait(process, 0.001)
            wait(process, rng.random() / 100)
            process.kill()
        exit_code = process.returncode
        kills += exit_code == -signal.SIGKILL
    assert (exit_code, output.read_bytes()) == (1, expected[format])
    assert kills
    assert len(READERS[format](output)) == 60


@pytest.mark.slow
@pytest.mark.parametrize("format", READERS)
def test_the_real_model_killed_a_hundred_times(folder, format):
    """At any moment from the start on, importing and loading included."""
    output, expected, rng = folder / f"r.{format}", folder / f"expected.{format}", random.Random(format)
    for copy in range(20):
        (folder / "photos" / f"real{copy}.png").symlink_to(IMAGES / "cat.png")
    script = ["classify_image.py", "-b", "3"]
    finish("-i", "photos", "-o", expected, script=script)
    for _ in range(50):
        with start("-i", "photos", "-o", output, "--resume", script=script) as process:
            wait(process, rng.random() * 2)
            process.kill()
        assert process.returncode in (-signal.SIGKILL, 1)
        if process.returncode == 1:
            assert output.read_bytes() == expected.read_bytes()
            output.unlink()
    assert finish("-i", "photos", "-o", output, "--resume", script=script)[0] == 1
    assert output.read_bytes() == expected.read_bytes()


def test_finished_run_has_nothing_to_resume(folder):
    for _ in range(2):
        exit_code, messages = finish("-i", "photos", "-o", "r.csv", "--resume")
    assert exit_code == 1
    assert messages == "51 classified, 9 failed (60 rows are from before)\n"
    assert len(read_csv("r.csv")) == 60


def test_interrupt_keeps_the_rows_and_says_how_to_go_on(folder):
    with start("-i", "-", "-o", "r.csv", stdin=subprocess.PIPE) as process:
        print("1.jpg\n2.jpg", file=process.stdin, flush=True)
        said = [process.stderr.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.wait()
        messages = process.stderr.read()
    assert said == ["error: 1.jpg: no such file\n", "error: 2.jpg: no such file\n"]
    assert messages == "interrupted: r.csv has 2 rows; the same command with --resume goes on\n"
    assert process.returncode == 130
    assert [row["path"] for row in read_csv("r.csv")] == ["1.jpg", "2.jpg"]
    assert finish("-i", "1.jpg", "2.jpg", "3.jpg", "-o", "r.csv", "--resume")[0] == 1
    assert [row["path"] for row in read_csv("r.csv")] == ["1.jpg", "2.jpg", "3.jpg"]


@pytest.mark.parametrize("format", READERS)
def test_full_disk_leaves_whole_rows_and_can_be_resumed(folder, expected, format):
    """A limit on the size of files stands for the disk."""
    limit = 2000
    exit_code, messages = finish("-i", "photos", "-o", f"r.{format}", preexec_fn=lambda: limit_files(limit))
    rows = len(READERS[format](f"r.{format}"))
    assert exit_code == 2
    assert messages.endswith(
        f"\nerror: cannot write r.{format}: File too large; r.{format} has {rows} rows; "
        "the same command with --resume goes on\n"
    )
    assert limit - 300 < size(folder / f"r.{format}") <= limit
    assert finish("-i", "photos", "-o", f"r.{format}", "--resume")[0] == 1
    assert (folder / f"r.{format}").read_bytes() == expected[format]


def limit_files(size):
    prepare()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_disk_without_room_for_anything_is_an_error_in_one_line(folder):
    exit_code, messages = finish("-i", "nowhere.jpg", "-o", "r.csv", preexec_fn=lambda: limit_files(10))
    assert exit_code == 2
    assert messages == "error: cannot write r.csv.run.json: File too large\n"
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["r.csv"]


def test_second_run_on_the_same_file_is_refused_and_harms_nothing(folder):
    with start("-i", "-", "-o", "r.csv", stdin=subprocess.PIPE) as process:
        print("1.jpg", file=process.stdin, flush=True)
        assert process.stderr.readline() == "error: 1.jpg: no such file\n"
        os.symlink("r.csv", "link.csv")
        for path, option in [("r.csv", "--resume"), ("link.csv", "--force")]:
            assert finish("-i", "2.jpg", "-o", path, option) == (
                2, f"error: another run is writing {path}; wait for it, or give another --output\n",
            )  # fmt: skip
        process.communicate("3.jpg\n")
    assert [row["path"] for row in read_csv("r.csv")] == ["1.jpg", "3.jpg"]


def test_many_runs_at_once_leave_each_row_once(folder):
    processes = [start("-i", "photos", "-o", "r.csv", "--resume") for _ in range(3)]
    codes = [finish_started(process) for process in processes]
    assert set(codes) <= {1, 2}
    assert 1 in codes
    paths = [row["path"] for row in read_csv("r.csv")]
    assert paths == [f"photos/{name}" for name in sorted(os.listdir("photos"))]


def finish_started(process):
    with process:
        process.communicate()
    return process.returncode


def answers(pictures):
    return load_classifier(engine=QuickEngine()).classify_frames(pictures, top_k=1)


def test_picture_that_vanishes_costs_only_itself(folder):
    def vanishing():
        for path in find_images("photos"):
            if path.endswith("/20.png"):
                os.unlink(path)
            yield path

    found = {result.source: result.error for _frame, result in answers(vanishing())}
    assert len(found) == 60
    assert found.pop("photos/20.png") == "no such file"
    assert set(found.values()) == {"", "is a text file, not a picture"}


def test_folder_that_cannot_be_read_midway_has_its_row(folder):
    os.makedirs("photos/30x/deeper")
    os.chmod("photos/30x", 0)
    folder.chmod(0o777)
    with as_nobody(), open_results("r.csv", make_format("csv", "net", 1), {}, resume=False, force=False) as results:
        for frame, result in answers("photos"):
            results.write(frame, result)
    os.chmod("photos/30x", 0o755)
    rows = read_csv("r.csv")
    assert (len(rows), rows[31]["path"]) == (61, "photos/30x")
    assert rows[31]["error"] == "the folder cannot be listed: Permission denied"
    assert rows[32]["path"] == "photos/31.png"
