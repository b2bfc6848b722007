"""`--gallery`: the run as a page, as a file."""

import base64
import json
import logging
import re
import shutil
import signal
import subprocess
import sys
from urllib.parse import unquote

import pytest
from conftest import IMAGES, ROOT
from galleries import make_gallery, many, rows_of
from PIL import Image

from errors import UsageError
from labels import ClassLabel
from outputs.album import ABOUT, link_to
from outputs.gallery import GalleryOutput, distinct_names
from results import Result
from sources.frames import Frame


def test_page_has_every_picture_with_its_labels(classify, tmp_path):
    finished = classify("--image", IMAGES, "nowhere.png", "--top-k", 2, "--threshold", 0.3, "--format", "jsonl",
                        "--gallery", tmp_path / "page.html")  # fmt: skip
    said = [json.loads(line) for line in finished.stdout.splitlines()]
    rows = rows_of(tmp_path / "page.html")
    assert [row["path"] for row in rows] == [row["path"] for row in said]
    assert [[label for label, _ in row["labels"]] for row in rows] == [row["labels"] for row in said]
    assert [[score for _, score in row["labels"]] for row in rows] == [row["scores"] for row in said]
    assert [row["error"] for row in rows] == [row["error"] for row in said]
    assert ["picture" in row for row in rows] == [not row["error"] for row in said]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html"]


def test_small_copies_are_small_and_upright(classify, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (1000, 500)).save(tmp_path / "turned.jpg", exif=exif)
    classify("--image", tmp_path / "turned.jpg", "--gallery", tmp_path / "page.html")
    data = rows_of(tmp_path / "page.html")[0]["picture"]
    assert data.startswith("data:image/jpeg;base64,")
    (tmp_path / "copy.jpg").write_bytes(base64.b64decode(data.partition(",")[2]))
    with Image.open(tmp_path / "copy.jpg") as copy:
        assert copy.size == (200, 400)


def test_heat_maps_are_beside(classify, tmp_path):
    options = ("--explain", tmp_path / "seen", "--explain-label", "tabby")
    classify("--image", IMAGES / "cat.png", "nowhere.png", "--gallery", tmp_path / "page.html", *options)
    row, failed = rows_of(tmp_path / "page.html")
    assert row["heat"] != row["picture"]
    assert row["seen"].startswith("tabby: 1")
    assert not {"heat", "picture"} & set(failed)


def test_what_does_not_fit_is_in_a_folder(tmp_path, caplog):
    caplog.set_level(logging.INFO, "suite")
    page = make_gallery(tmp_path / "a page.html", many(20), most_inside=10_000)
    folder = tmp_path / "a page_files"
    names = [row["picture"] for row in rows_of(page)]
    assert sorted(path.name for path in folder.iterdir()) == [*sorted(names), ABOUT]
    assert "a page.html" in (folder / ABOUT).read_text(encoding="utf-8")
    assert 'data-address="a%20page_files/"' in page.read_text(encoding="utf-8")
    assert caplog.messages == [f"{page} has its pictures in the folder {folder}, which has to stay beside it"]
    make_gallery(page, many(2), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a page.html"]


def test_folder_is_not_searched(classify, tmp_path):
    for path in IMAGES.iterdir():
        shutil.copy(path, tmp_path)
    make_gallery(tmp_path / "page.html", many(20), most_inside=0)
    finished = classify("--image", tmp_path, "--gallery", tmp_path / "page.html", "--force", "--format", "csv")
    assert len(finished.stdout.splitlines()) == 5


def test_page_of_nothing(tmp_path):
    assert rows_of(make_gallery(tmp_path / "page.html", {})) == []


def test_names_shared_by_two_labels_are_told_apart():
    cranes = [ClassLabel("n02012849", "crane"), ClassLabel("n03126707", "crane"), ClassLabel("n0", "cat")]
    assert list(distinct_names(cranes).values()) == ["crane (n02012849)", "crane (n03126707)", "cat"]


@pytest.mark.parametrize("name", ["a b.png", "javascript:alert(1).png", "50%.png", "#1?.png", "\udcff.png", "ä.PNG"])
def test_link_leads_to_the_file(tmp_path, name):
    (tmp_path / "pictures").mkdir()
    path = tmp_path / "pictures" / name
    path.touch()
    link = link_to(str(path), tmp_path / "pages")
    assert re.fullmatch(r"\.\./pictures/[\w.%()~-]+", link)
    assert unquote(link, errors="surrogateescape") == f"../pictures/{name}"
    assert ":" not in link_to(str(path), tmp_path / "pictures")


@pytest.mark.parametrize("name", ["page.html", "nowhere.png"])
def test_only_pictures_that_are_there_have_a_link(tmp_path, name):
    (tmp_path / "page.html").touch()
    assert link_to(str(tmp_path / name), tmp_path) == ""


@pytest.mark.slow
def test_benchmark_prints_sizes(run):
    finished = run("-m", "benchmark.gallery", IMAGES, "--pictures", 2, 1)
    heading, *rows = finished.stdout.splitlines()
    assert heading.split(", ")[0].split() == ["pictures", "page"]
    assert [row.split()[0] for row in rows] == ["2", "1"]


# What is refused.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("page.png", "give a name that ends in .html"),
        ("page.html", "page.html exists; --force overwrites it"),
        ("other.html", "other_files exists; --force overwrites it"),
        ("folder.html", "folder.html is not a file"),
        ("nowhere/page.html", "cannot write --gallery .*: No such file or directory"),
    ],
)
def test_place_that_is_taken_or_wrong(tmp_path, name, message):
    (tmp_path / "page.html").write_text("mine")
    (tmp_path / "other_files").mkdir()
    (tmp_path / "folder.html").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=message):
        make_gallery(tmp_path / name, {})
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "page.html").read_text() == "mine"


def test_run_that_goes_on_overwrites_no_other_page(tmp_path):
    page = make_gallery(tmp_path / "page.html", many(20), goes_on=True, most_inside=0)
    assert len(rows_of(make_gallery(page, many(3), goes_on=True))) == 3
    page.write_text("<!doctype html>mine")
    with pytest.raises(UsageError, match="exists; --force"):
        make_gallery(page, many(3), goes_on=True)
    assert page.read_text() == "<!doctype html>mine"


def test_ctrl_c_after_the_end_changes_nothing(tmp_path):
    gallery = GalleryOutput(str(tmp_path / "page.html"), "nobody", [], 10**8)
    gallery.write(Frame("gone"), Result("gone", error="no such file"))
    gallery.finish()
    before = (tmp_path / "page.html").read_bytes()
    gallery.break_off()
    assert (tmp_path / "page.html").read_bytes() == before


@pytest.mark.parametrize("names", [["000001.jpg"], [ABOUT, "000001.jpg", "mine.jpg"], []])
def test_folder_of_somebody_else_is_never_replaced(tmp_path, names):
    (tmp_path / "page_files").mkdir()
    for name in names:
        (tmp_path / "page_files" / name).touch()
    with pytest.raises(UsageError, match="page_files, which it did not make"):
        make_gallery(tmp_path / "page.html", many(3), overwrite=True, most_inside=0)
    assert {path.name for path in (tmp_path / "page_files").iterdir()} == set(names)


def test_neither_an_input_nor_the_results_are_overwritten(classify, tmp_path):
    picture = tmp_path / "picture.html"
    shutil.copy(IMAGES / "cat.png", picture)
    finished = classify("--image", picture, "--gallery", picture, "--force")
    assert (finished.returncode, "is the input" in finished.stderr) == (2, True)
    page = tmp_path / "r.html"
    finished = classify("--image", picture, "--gallery", page, "--output", page, "--format", "csv")
    assert (finished.returncode, "--output and --gallery are both" in finished.stderr) == (2, True)


# Runs that break off.


@pytest.mark.parametrize("is_interrupted", [True, False])
def test_interrupted_run_leaves_a_page_and_the_resumed_one_a_whole_page(tmp_path, is_interrupted):
    paths = [str(shutil.copy(IMAGES / "cat.png", tmp_path / f"{number}.png")) for number in range(4)]
    page, output = tmp_path / "page.html", tmp_path / "r.csv"
    command = [sys.executable, ROOT / "tests" / "quick_classify.py", "-i", "-", "--gallery", page, "-o", output]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    environment = {"env": {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}, **pipes}
    with subprocess.Popen([*command], preexec_fn=unblock, **environment) as process:
        print(paths[0], "nowhere.png", sep="\n", file=process.stdin, flush=True)
        assert process.stderr.readline() == "error: nowhere.png: no such file\n"
        process.send_signal(signal.SIGINT if is_interrupted else signal.SIGKILL)
        process.wait()
    assert page.exists() is is_interrupted
    if is_interrupted:
        assert [row["path"] for row in rows_of(page)] == [paths[0], "nowhere.png"]
        assert "The run was interrupted" in page.read_text(encoding="utf-8")
    whole = [paths[0], "nowhere.png", *paths[1:], paths[1]]
    subprocess.run([*command, "--resume"], input="\n".join(whole), **{**environment, "stdin": None})
    assert [row["path"] for row in rows_of(page)] == whole
    assert len(output.read_text().splitlines()) == 1 + len(whole)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def unblock():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job


@pytest.mark.parametrize("times", [1, 2])
def test_finished_run_can_get_a_page_and_its_rows_stay(classify, tmp_path, times):
    output, page = tmp_path / "r.jsonl", tmp_path / "page.html"
    pictures = [IMAGES / "cat.png", IMAGES / "coffee.png"] * times
    classify("--image", *pictures, "--output", output)
    rows = output.read_bytes()
    finished = classify("--image", *pictures, "--output", output, "--gallery", page, "--resume", "--summary")
    assert output.read_bytes() == rows
    assert len(rows_of(page)) == 2 * times
    assert finished.stdout.startswith(f"{2 * times} pictures, 2 labels\n")
