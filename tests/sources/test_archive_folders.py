"""Labelled pictures in archives are those of the same folders on the disk."""

import json
import os
from pathlib import Path

import pytest
from conftest import IMAGES
from packing import CAT, COFFEE, pack

from errors import UsageError
from evaluation.data import find_data
from evaluation.known import leave_out_known
from files import sha256_of
from labels import ClassLabel, read_labels
from labels.classes import ClassIndex
from sources.labelled import match_classes, read_folder
from sources.search import Search

CLASSES = ClassIndex("model", [ClassLabel("0", "cats"), ClassLabel("1", "dogs")])
LAYOUTS = {
    "class folders": ["cats/1.png", "cats/deep/2.png", "dogs/1.png", "dogs/notes.txt", ".x/1.png"],
    "splits": ["train/cats/1.png", "train/dogs/1.png", "test/cats/2.png", "test/dogs/3.png", "pred/4.png"],
    "a folder around": ["pets/train/cats/1.png", "pets/val/cats/2.png", "pets/val/dogs/3.png", "pets/README.md"],
    "splits in classes": ["cats/train/1.png", "cats/test/2.png", "dogs/train/1.png", "dogs/test/2.png"],
    "names": ["cats_1.png", "dogs-2.png", "Thumbs.db"],
    "excluded": ["cats/1.png", "dogs/1.png", "raw/1.png", "__MACOSX/cats/1.png"],
    "a stranger": ["birds/1.png", "cats/1.png"],
    "both": ["cats/1.png", "1.png"],
    "nothing": ["notes.txt"],
}


def labelled(folder):
    """Return the rows, the splits and the other files of a folder, without its name; or the error."""
    try:
        data = read_folder(folder, CLASSES, Search(exclude=("raw/",)))
        rows = sorted((path.removeprefix(folder), label, split) for path, label, split in data)
        match_classes(data, CLASSES)
        return rows, sorted(data.parts), sorted(row.path.removeprefix(folder) for row in data.no_pictures())
    except UsageError as error:
        return str(error).replace(folder, "")


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_archive_is_read_as_the_folder(tree, name, layout):
    tree(*(f"on-disk/{path}" for path in LAYOUTS[layout]))
    pack(name, [(path, b"") for path in LAYOUTS[layout]])
    expected = labelled("on-disk")
    assert expected
    assert labelled(name) == expected


def test_folder_in_an_archive_is_given_alone(tree):
    tree()
    pack("a.zip", [("val/cats/1.png", CAT), ("train/cats/2.png", CAT), ("val0/cats/3.png", CAT)])
    assert [row.path for row in read_folder("a.zip/val", CLASSES)] == ["a.zip/val/cats/1.png"]


@pytest.mark.parametrize(("told", "label"), [("1", "dogs"), ("dogs\n", "dogs"), ("7", "7"), ("9" * 5000, "9" * 1000)])
def test_webdataset_has_labels_beside_pictures(tree, told, label):
    tree()
    pack("a.tar", [("1.cls", told.encode()), ("1.png", CAT), ("2.png", CAT), ("3.json", b"")])
    assert [(row.path, row.label) for row in read_folder("a.tar", CLASSES)] == [("a.tar/1.png", label)]


def test_number_of_a_class_of_imagenet_is_its_place():
    classes = ClassIndex("lite0", read_labels())
    assert classes.index_of(classes.label_of("134")) == 134  # one of two cranes
    assert classes.label_of("1000") == "1000"


def test_archives_that_cannot_be_evaluated_say_so(tree):
    tree()
    pack("a.tar.gz", [("cats/1.png", CAT)])
    Path("b.zip").write_bytes(b"words")
    with pytest.raises(UsageError, match=r"a\.tar\.gz is compressed as a whole, .* pack it anew as \.zip or \.tar"):
        read_folder("a.tar.gz", CLASSES)
    with pytest.raises(UsageError, match=r"cannot list the data b\.zip: is no zip archive"):
        read_folder("b.zip", CLASSES)
    pack("c.zip", [("1.png", CAT), ("1.cls", b"cats" * 9)], compression=12)
    with pytest.raises(UsageError, match=r"cannot read the label c\.zip/1\.cls: is packed with bzip2"):
        read_folder("c.zip", CLASSES)
    with pytest.raises(UsageError, match=r"cannot list the data folder gone\.zip: No such file"):
        read_folder("gone.zip", CLASSES)


def test_pictures_that_a_model_knows_are_known_in_archives(tree):
    tree()
    pack("a.zip", [("cats/1.png", CAT), ("dogs/1.png", COFFEE)])
    found = match_classes(read_folder("a.zip", CLASSES), CLASSES)
    news = leave_out_known(found, {"m": {sha256_of(IMAGES / "cat.png")}})
    assert [path for path, _index in news.pictures] == ["a.zip/dogs/1.png"]


def test_validation_may_be_an_archive(tree):
    tree()
    for name in ("test.zip", "val.zip"):
        pack(name, [("cats/1.png", CAT), ("dogs/1.png", COFFEE)])
    data = find_data("test.zip", None, "val.zip", CLASSES)
    assert (data.test.name, data.validation.name) == ("test.zip", "val.zip")


def test_evaluation_of_an_archive_has_its_report(run, tree):
    folder = tree()
    pack("data.zip", [("espresso/1.png", COFFEE), ("tiger_cat/1.png", CAT), ("tabby/2.png", CAT)])
    options = ["--model", "efficientnet_lite0", "--output", folder / "report"]
    finished = run("evaluate_classifier.py", "--data", folder / "data.zip", *options)
    assert (finished.returncode, finished.stderr) == (0, "")
    metrics = json.loads((folder / "report" / "metrics.json").read_text())
    assert metrics["pictures"] == 3
    assert "data.zip/tabby/2.png" in (folder / "report" / "predictions.csv").read_text()
    assert len(os.listdir(folder / "report" / "galleries")) == 3  # which are drawn from the pictures themselves


def test_training_from_an_archive_is_refused(run, tree):
    folder = tree()
    pack("a.zip", [("cats/1.png", CAT)])
    finished = run("train_classifier.py", "--data", folder / "a.zip", "--output", folder / "out")
    assert finished.returncode == 2
    assert "is an archive; unpack it, for training reads it many times" in finished.stderr
