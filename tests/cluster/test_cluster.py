"""A run on two workers of this machine has the rows of one process, whatever dies; each test starts Ray."""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from conftest import IMAGES, ROOT

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")  # of Ray
pytest.importorskip("resource", reason="signals of Unix")
pytestmark = pytest.mark.slow

PATIENCE = 240  # seconds
FEW_ROWS = ("--image", "photos", "photos.zip", "--cluster", "local", "--output", "out/")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four hundred photos, a file that is none, and an archive."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "photos").mkdir()
    for number in range(400):
        (folder / "photos" / f"{number:03}.png").symlink_to(IMAGES / "cat.png")
    (folder / "photos" / "bad.jpg").write_text("no picture")
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for path in sorted(IMAGES.glob("c*.png")):
            archive.write(path, path.name)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    """The rows of one process."""
    assert run(folder, "--image", "photos", "photos.zip", "--output", "single.csv")[0] == 1
    return sorted(read(folder / "single.csv"))


@pytest.fixture(autouse=True)
def output(folder):
    """The folder of parts, which is not there yet; no process of Ray is left at the end."""
    output = folder / "out"
    for path in output.glob("*"):
        path.unlink()
    yield output
    wait_until(lambda: not rays())


def start(folder, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, ROOT / "classify_image.py", *arguments],
        cwd=folder, env=os.environ | environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def run(folder, *arguments, **environment):
    """Return the exit code, and what is printed to stdout and stderr."""
    with start(folder, *arguments, **environment) as process:
        printed, said = process.communicate()
    return process.returncode, printed, said


def read(path):
    return path.read_text().splitlines()[1:]


def rows(output):
    return sorted(row for path in output.glob("part-*.csv") for row in read(path))


def rays():
    """Return the processes of Ray, of this test alone: they have its environment."""
    return [process for process in psutil.process_iter(["cmdline"]) if is_ray(" ".join(process.info["cmdline"] or ()))]


def is_ray(command):
    return "ray::" in command or "/ray/" in command


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers():
    return [process for process in rays() if "ray::MapWorker" in " ".join(process.info["cmdline"])]


def begun(folder, output, *arguments):
    """Start a run, and return it when it has written a few parts."""
    process = start(folder, *FEW_ROWS, *arguments)
    wait_until(lambda: len(list(output.glob("part-*"))) >= 3)
    return process


def test_rows_are_those_of_one_process(folder, expected, output):
    code, printed, said = run(folder, *FEW_ROWS, "--summary")
    assert code == 1
    assert printed.startswith("404 pictures, 3 labels\ntiger_cat  401 ")
    assert re.match(r"2 workers on 1 machine\nerror: photos/bad.jpg: [^\n]+\n\d+ classified, 1 failed: ", said)
    assert rows(output) == expected


def test_workers_that_are_killed(folder, expected, output):
    with begun(folder, output) as process:
        for worker in workers():
            worker.kill()
        _printed, said = process.communicate()
    assert process.returncode == 1
    assert "took 2 tries" in said
    assert rows(output) == expected


def test_run_that_is_killed_and_resumed(folder, expected, output):
    with begun(folder, output) as process:
        process.kill()
    wait_until(lambda: not rays())
    assert 0 < len(rows(output)) < len(expected)
    assert run(folder, *FEW_ROWS, "--resume")[0] == 1
    assert rows(output) == expected


def test_ctrl_c_and_resumed(folder, expected, output):
    with begun(folder, output) as process:
        process.send_signal(signal.SIGINT)
        _printed, said = process.communicate()
        assert not rays()
    assert process.returncode == 130
    assert re.search(
        r"^interrupted: finished parts stay in out; the same command with --resume goes on\n\Z", said, re.M
    )
    assert run(folder, *FEW_ROWS, "--resume")[0] == 1
    assert rows(output) == expected


def test_picture_that_kills_workers(folder, output, tmp_path):
    """It gets a row with an error; in its place is a file that a hook of Python answers with SIGKILL."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def kill(event, given):\n"
        "    if event == 'open' and str(given[0]).endswith('killer.png'):\n"
        "        os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(kill)\n"
    )
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a.png", "killer.png", "z.png"):
        (pictures / name).symlink_to(IMAGES / "cat.png")
    code, printed, said = run(
        folder, "--image", str(pictures), "--cluster", "local", "--output", "out/", PYTHONPATH=str(tmp_path)
    )
    assert (code, printed) == (1, "")
    assert f"error: {pictures}/killer.png: ends the process that classifies it" in said
    assert [row.partition(",")[0][-5:] for row in rows(output)] == ["a.png", "r.png", "z.png"]


def test_results_in_a_store(folder, expected, bucket):
    """Of the photos and a shard in a bucket, to a folder in it."""
    bucket.put(**{"photos.zip": (folder / "photos.zip").read_bytes(), "p/cat.png": (IMAGES / "cat.png").read_bytes()})
    images = ("s3://bucket/p/", "s3://bucket/photos.zip")
    code, printed, said = run(folder, "--image", *images, "--cluster", "local", "--output", "s3://bucket/out/")
    assert (code, printed) == (0, ""), said
    found = {row for part in bucket.content("out/part-").values() for row in part.decode().splitlines()[1:]}
    rows = [row.removeprefix("photos.zip/") for row in expected if row.startswith("photos.zip/")]
    cat = next(row for row in rows if row.startswith("cat.png"))
    assert found == {f"s3://bucket/photos.zip/{row}" for row in rows} | {f"s3://bucket/p/{cat}"}
