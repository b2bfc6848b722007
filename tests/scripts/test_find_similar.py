"""find_similar.py as it is used: an index is built, and asked."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import FRAMEWORKS, IMAGES, ROOT, imported
from indexes import ABOUT, make_pictures

from similarity.index import open_index
from similarity.store import Store


@pytest.fixture(scope="module")
def index(run, tmp_path_factory):
    """The index of the shipped pictures."""
    folder = tmp_path_factory.mktemp("similar") / "images.index"
    finished = run("find_similar.py", "--image", IMAGES, "--index", folder)
    assert finished.stdout.startswith("added 4, changed 0, moved 0, gone 0, failed 0; 4 pictures are in "), finished
    return folder


@pytest.fixture
def find(run):
    return lambda *arguments, **environment: run("find_similar.py", *arguments, **environment)


def test_rows_of_a_query(find, index, tmp_path):
    shutil.copy(IMAGES / "cat.png", tmp_path / "copy.png")
    finished = find("--index", index, "--query", tmp_path / "copy.png", IMAGES / "cat.png", "-k", 2, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(finished.stdout)))
    assert list(rows[0]) == ["query", "rank", "path", "similarity"]
    assert [row["rank"] for row in rows] == ["1", "2", "1", "2"]
    assert (rows[0]["path"], float(rows[0]["similarity"])) == (str(IMAGES / "cat.png"), pytest.approx(1, abs=1e-3))
    assert str(IMAGES / "cat.png") not in [row["path"] for row in rows[2:]]
    assert finished.stderr == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_nothing_takes_the_place_of_a_pipe(find, index, tmp_path):
    os.mkfifo(pipe := tmp_path / "pipe.csv")
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        finished = find("--index", index, "--query", IMAGES / "cat.png", "--output", pipe)
        assert finished.returncode == 0, finished
        assert reader.communicate(timeout=60)[0].startswith("query,rank,path,similarity\n")
    assert not pipe.is_file()


def test_build_and_ask_in_one_run_without_an_index_to_keep(find, tmp_path):
    arguments = (
        "--image",
        IMAGES,
        "--query",
        IMAGES / "cat.png",
        tmp_path / "no.jpg",
        "--unlike",
        IMAGES / "coffee.png",
    )
    finished = find(*arguments, "--output", tmp_path / "found.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [(row["query"], row["rank"]) for row in rows] == [(str(IMAGES / "cat.png"), 1), (str(IMAGES / "cat.png"), 2)]
    assert f"error: {tmp_path / 'no.jpg'}: no such file" in finished.stderr
    assert finished.returncode == 1


def test_an_index_is_no_part_of_the_folder_that_it_is_of(find, tmp_path):
    make_pictures(tmp_path, "a.png")
    arguments = ("--image", tmp_path, "--index", tmp_path / "here.index")
    assert find(*arguments).stdout.startswith("added 1,")
    finished = find(*arguments)
    assert finished.stdout.endswith(f"; 1 picture is in {tmp_path / 'here.index'}\n"), finished


def test_an_index_knows_what_made_it(find, index):
    for arguments in (("--model", "efficientnet_lite2"), ("--resize", "pad")):
        finished = find("--index", index, "--query", IMAGES / "cat.png", *arguments)
        assert finished.returncode == 2
        assert "was made by efficientnet_lite0" in finished.stderr


def test_an_index_in_use_is_left_alone(find, index):
    with open_index(index):
        finished = find("--index", index, "--image", IMAGES)
    assert finished.returncode == 2
    assert "is in use by another process; wait until that is done" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no picture given"),
        (("--image", "images"), "nothing to do: give --index DIR to keep an index"),
        (("--index", "x"), "nothing to do: give --image PICTURES to bring the index up to date"),
        (("--index", "nowhere", "--query", "images"), "nowhere does not exist; build one with --image"),
        (("--index", "README.md", "--image", "images"), "README.md is a file; an index is a folder"),
        (("--index", "docs", "--image", "images"), "holds something else than an index"),
        (("--image", "-", "--query", "-"), "- reads names from stdin, once"),
        (("--image", "images", "--unlike", "x.jpg"), "--unlike says what --query is to find less of"),
        (("--image", "images", "--against", "x"), "--against is about duplicates"),
        (("--image", "images", "--gallery", "x.html"), "--gallery shows what was found"),
        (("--index", "x", "--query", "images", "--threshold", "2"), "'2' is not a number from 0 to 1"),
        (("--index", "x", "--query", "images", "--output", "images/cat.png"), "no format has names like"),
        (("--index", "x", "--image", "camera:0"), "camera:0 shows other pictures each time"),
    ],
)  # fmt: skip
def test_wrong_usage(find, arguments, message):
    finished = find(*arguments)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert finished.stdout == ""


def test_help_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "find_similar.py", "--help"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.stdout.startswith("Find pictures that are alike")
    assert imported(finished.stderr).isdisjoint({*FRAMEWORKS, "numpy", "PIL", "sqlite3", "usearch"})


def build_until(folder, photos, count, end):
    """Begin to build an index of pictures that more may follow, and end that when so many are in it."""
    process = subprocess.Popen(
        [sys.executable, "find_similar.py", "--image", "-", "--index", folder, "-b", "4", "-j", "1"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    process.stdin.write("".join(f"{photo}\n" for photo in photos))
    process.stdin.flush()
    while process.poll() is None and (not (vectors := folder / "vectors.f16").exists() or size(vectors) < count):
        time.sleep(0.01)
    process.send_signal(end)
    return process.wait(60), process.communicate()[1]


def size(vectors):
    return os.path.getsize(vectors) // 2560


@pytest.mark.parametrize(
    ("end", "code"), [pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow), (signal.SIGINT, 130)]
)
def test_an_interrupted_build_goes_on(find, tmp_path, end, code):
    (tmp_path / "photos").mkdir()
    cat = (IMAGES / "rocket.jpg").read_bytes()
    photos = [tmp_path / "photos" / f"{number}.jpg" for number in range(24)]
    for number, photo in enumerate(photos):
        photo.write_bytes(cat + str(number).encode())
    exit_code, stderr = build_until(tmp_path / "index", photos[:20], 12, end)
    assert exit_code == code
    assert "Traceback" not in stderr
    assert ("the same command goes on with it" in stderr) == (code == 130)
    with open_index(tmp_path / "index") as before:
        there = len(before)
    assert 8 <= there <= 20
    finished = find("--image", tmp_path / "photos", "--index", tmp_path / "index")
    assert finished.stdout.startswith(f"added {24 - there}, changed 0, moved 0, gone 0, failed 0; 24 pictures")


def test_a_full_disk_is_said_and_loses_nothing(index, tmp_path):
    """`index`, so that the model is in the cache."""
    make_pictures(tmp_path / "photos", *(f"{number}.png" for number in range(64)))
    limit = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, -1)); "
    program = f"{limit}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    arguments = ("find_similar.py", "--image", tmp_path / "photos", "--index", tmp_path / "index", "-b", "4")
    command = [sys.executable, "-c", program, *map(str, arguments)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 2
    assert f"error: the index {tmp_path / 'index'} cannot be used: " in finished.stderr
    with open_index(tmp_path / "index") as half:
        assert 0 < len(half) < 64


def test_another_writer_is_waited_for_by_nobody(find, index):
    store = Store(index, ABOUT)
    finished = find("--index", index, "--query", IMAGES / "cat.png")
    store.close()
    assert finished.returncode == 2
    assert "is in use" in finished.stderr


def test_what_is_found_against_other_pictures_is_by_the_same_model(find, tmp_path):
    make_pictures(tmp_path / "photos", "a.png", "b.png")
    find("--image", tmp_path / "photos", "--index", tmp_path / "padded", "--resize", "pad")
    finished = find("--index", tmp_path / "padded", "--against", tmp_path / "photos", "--duplicates", "--format", "csv")
    assert finished.returncode == 0, finished.stderr
    against = "--image", IMAGES, "--against", tmp_path / "padded", "--duplicates"
    assert find(*against).returncode == 0
    finished = find(*against, "--model", "efficientnet_lite1")
    assert finished.returncode == 2
    assert "and not by efficientnet_lite1 (efficientnet_lite1), whose vectors mean something else" in finished.stderr
