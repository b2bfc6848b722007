"""Folders of labelled pictures as people have them: what is read, what is said, and what is refused."""

import os
import unicodedata
from pathlib import Path

import pytest
from nobody import as_nobody

from errors import UsageError
from labels import ClassLabel
from labels.classes import ClassIndex
from sources.layout import read_layout
from sources.paths import Search

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
PETS = ClassIndex("pets", [ClassLabel("0", "cats"), ClassLabel("1", "dogs")])


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Make folders below data/ with a picture in each: make("train/cats", "x.jpg")."""
    monkeypatch.chdir(tmp_path)

    def make_folders(*names: str) -> str:
        for name in names:
            path = Path("data", name) if "." in os.path.basename(name)[1:] else Path("data", name, "1.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return "data"

    return make_folders


def pets(*folders: str) -> list[str]:
    return [f"{folder}/{name}" for folder in folders for name in ("cats", "dogs")]


def classes_of(layout):
    """Return {split: [path of each class folder, relative to the data]}."""
    found = {}
    for _label, split, path in layout.classes:
        found.setdefault(split, []).append(path.removeprefix("data/"))
    return found


# ---- what is read


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (["training_set", "test_set"], ["train", "test"]),
        (["Train", "Test"], ["train", "test"]),
        (["train", "valid"], ["train", "validation"]),
        (["train", "val", "test"], ["train", "validation", "test"]),
        (["train", "validation", "test"], ["train", "validation", "test"]),
        (["train", "dev", "eval"], ["train", "validation", "test"]),
        (["train", "holdout"], ["train", "test"]),
        (["train", "test", "eval"], ["train", "test", "validation"]),
        (["train_data", "test_data"], ["train", "test"]),
        (["trainset", "testset"], ["train", "test"]),
        (["train_images", "test_images"], ["train", "test"]),
        (["training-set", "test-set"], ["train", "test"]),
        (["seg_train", "seg_test"], ["train", "test"]),
        (["seg_train/seg_train", "seg_test/seg_test"], ["train", "test"]),
        (["training_set/training_set", "test_set/test_set"], ["train", "test"]),
        (["imagenet_train", "imagenet_val"], ["train", "validation"]),
        (["train2017", "val2017"], ["train", "validation"]),
        (["train"], ["train"]),
    ],
)
def test_folders_of_splits(make, folders, splits):
    layout = read_layout(make(*pets(*folders)))
    assert classes_of(layout) == {split: pets(folder) for split, folder in zip(splits, folders, strict=True)}
    assert layout.parts == {split: f"data/{folder}" for split, folder in zip(splits, folders, strict=True)}
    assert layout.left_out == []


def test_folders_beside_splits_are_left_out_and_said(make):
    layout = read_layout(make(*pets("training_set", "test_set"), "single_prediction"))
    assert set(classes_of(layout)) == {"train", "test"}
    assert layout.left_out == ["data/single_prediction: it lies beside test_set and training_set"]


def test_pictures_to_predict_may_be_beside_a_single_split(make):
    layout = read_layout(make(*pets("seg_train/seg_train"), "seg_pred/seg_pred"))
    assert classes_of(layout) == {"train": pets("seg_train/seg_train")}
    assert layout.left_out == ["data/seg_pred: it lies beside seg_train"]


@pytest.mark.parametrize("name", ["test1", "test_stg1", "test/test"])
def test_test_pictures_as_kaggle_has_them_are_left_out_and_said(make, name):
    layout = read_layout(make(*pets("train"), f"{name}/1.jpg", f"{name}/2.jpg"))
    assert classes_of(layout) == {"train": pets("train")}
    assert len(layout.left_out) == 1
    assert layout.left_out[0].startswith(f"data/{name}: ")


@pytest.mark.parametrize("around", ["dataset", "X/X", "cats_and_dogs/archive/dataset"])
def test_folder_around_the_splits(make, around):
    layout = read_layout(make(*pets(f"{around}/training_set", f"{around}/test_set"), "__MACOSX/x", "README.txt"))
    assert classes_of(layout) == {"train": pets(f"{around}/training_set"), "test": pets(f"{around}/test_set")}
    assert layout.notes == [f"the data is data/{around}, for data holds nothing else"]


def test_folder_called_as_a_split_may_be_around_splits(make):
    assert set(classes_of(read_layout(make(*pets("test_data/train", "test_data/test"))))) == {"train", "test"}


def test_what_is_held_out_is_said(make):
    layout = read_layout(make(*pets("train", "holdout")))
    assert layout.notes == ["data/holdout is taken for the test pictures"]


def test_test_pictures_without_class_folders_are_left_out_and_said(make):
    layout = read_layout(make(*pets("train"), "test", "val/x.txt"))
    assert set(layout.parts) == {"train"}
    assert layout.left_out == [
        "data/test: it holds 1 picture, such as 1.jpg, and no folder for a class",
        "data/val: it holds no pictures and no folder for a class",
    ]


def test_class_folders(make):
    layout = read_layout(make("cats", "dogs/b/c", "dogs/a", "y.jpg", "x.jpg", "notes.txt"))
    assert layout.classes == [("cats", "", "data/cats"), ("dogs", "", "data/dogs")]
    assert layout.parts == {}
    assert layout.left_out == ["2 pictures directly in data, such as x.jpg: no folder says the class"]


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", ".ipynb_checkpoints", "$RECYCLE.BIN", ".hidden"])
def test_folders_of_systems_are_no_classes(make, name):
    make("cats", "dogs", f"{name}/cats", name)
    for search in (Search(), Search(no_ignore=True)):
        assert [label for label, _split, _path in read_layout("data", search=search).classes] == ["cats", "dogs"]


def test_what_is_excluded_is_no_class(make):
    make(*pets("train", "test"), "train/raw", "birds", "train/quiet", "train/quiet/.nomedia")
    layout = read_layout("data", search=Search(("raw", "/birds", "test/dogs/")))
    assert classes_of(layout) == {"train": pets("train"), "test": ["test/cats"]}
    assert layout.left_out == ["data/train/quiet: it holds a .nomedia file; --no-ignore searches it"]
    layout = read_layout("data", search=Search(("/birds",), no_ignore=True))
    assert [label for label, split, _path in layout.classes if split == "train"] == ["cats", "dogs", "quiet", "raw"]


def test_names_are_one_class_in_any_unicode_form(make):
    layout = read_layout(make(f"train/{COMPOSED}", "train/b", f"test/{DECOMPOSED}", "test/b"))
    assert {label for label, _split, _path in layout.classes} == {COMPOSED, "b"}
    assert classes_of(layout)["test"] == ["test/b", f"test/{DECOMPOSED}"]


def test_folders_that_only_their_unicode_form_tells_apart_are_one_class_and_said(make):
    layout = read_layout(make(*(f"{split}/{name}" for split in ("train", "test") for name in (COMPOSED, "b"))))
    assert layout.notes == []
    layout = read_layout(make(f"train/{DECOMPOSED}"))
    assert {label for label, _split, _path in layout.classes} == {COMPOSED, "b"}
    assert layout.notes == [
        rf"'e\u0301' and '\xe9' in data/train are one class, {COMPOSED}: the same letters, stored in two ways"
    ]


def test_class_folders_with_the_splits_in_each(make):
    layout = read_layout(make("cats/train", "cats/test", "dogs/training", "dogs/test", "birds/train"))
    assert classes_of(layout) == {
        "train": ["birds/train", "cats/train", "dogs/training"], "test": ["cats/test", "dogs/test"],
    }  # fmt: skip
    assert {label for label, _split, _path in layout.classes} == {"birds", "cats", "dogs"}
    assert layout.notes == ["birds, cats and dogs are taken for the classes, and test and train in them for the splits"]


def test_what_is_taken_for_the_classes_is_said_when_all_hold_the_same_folders(make):
    layout = read_layout(make(*pets("garden", "house")))
    assert [label for label, _split, _path in layout.classes] == ["garden", "house"]
    assert layout.notes == [
        "garden and house are taken for the classes, and cats and dogs in each of them are not; if it is the other way "
        "round, list the pictures with --labels-csv FILE"
    ]


@pytest.mark.parametrize("names", [["steam_train", "stress_test"], ["train_station", "test_station"]])
def test_classes_that_only_sound_like_splits(make, names):
    assert sorted(label for label, _split, _path in read_layout(make(*names)).classes) == sorted(names)


# ---- what is refused


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["train", "test"],
            "data can be read in two ways: test and train are the classes, or train and test hold the pictures for "
            "training and test, and no folders for the classes; in the first case, rename train or list the pictures "
            "with --labels-csv FILE, and in the second, put the pictures of each class into a folder of its own, "
            "data/train/CLASS/",
        ),
        (
            ["train", "plane", "car"],
            "data can be read in two ways: car, plane and train are the classes, or train holds the pictures for "
            "training, and no folders for the classes; in the first case, rename train or list",
        ),
        (
            ["train/steam", "train/electric", "plane", "car"],
            "data can be read in two ways: car, plane and train are the classes, or train holds the pictures for "
            "training; in the first case, rename train or list the pictures with --labels-csv FILE, and in the second, "
            "give data/train as the data",
        ),
        (pets("train", "more"), "more and train are the classes, or train holds the pictures for training"),
        (["train", "test1"], "data can be read in two ways: test1 and train are the classes, or train holds"),
        (["train"], "unknown layout: pictures such as 1.jpg lie in data/train itself; put the pictures of each class"),
        (["x.jpg"], "unknown layout: pictures such as x.jpg lie in data itself; put the pictures of each class into"),
        (["notes.txt"], "data holds neither class folders nor pictures; put"),
        (pets("train", "val", "validation"), "val and validation in data are both for validation; leave one"),
        (pets("train", "test", "val", "holdout"), "holdout and val in data are both for validation; leave one"),
        (["pets/cats", "pets/dogs"], "only one class, 'pets', but the classes seem to be one level deeper: cats and"),
        (["pets/cats", "pets/dogs"], "give the folder that holds them, such as data/pets"),
        (["train/pets/cats", "train/pets/dogs"], "such as data/train/pets"),
        (["cats/train", "cats/test", "dogs"], "data/cats holds test and train, but data/dogs does not; put"),
        (
            ["cats/train", "cats/test", "dogs/x.txt"],
            "does not; put the class folders into those of the splits, as in data/train/dogs",
        ),
        (pets("A/train", "A/test", "B/train"), "A in data holds splits with class folders; give it alone, as data/A"),
        ([".nomedia", "cats", "dogs"], "data is not searched, for it holds a .nomedia file; --no-ignore searches it"),
    ],
)
def test_layout_that_is_not_clear_is_refused(make, names, message):
    with pytest.raises(UsageError) as error:
        read_layout(make(*names))
    assert message in str(error.value)


def test_data_that_is_a_file_is_refused(make):
    make("pets.rar")
    with pytest.raises(UsageError, match=r"data/pets\.rar is a file, not a folder; give the folder or the archive"):
        read_layout("data/pets.rar")


def test_folder_that_cannot_be_listed_is_named(make, tmp_path):
    make(*pets("train", "test"))
    tmp_path.chmod(0o755)
    os.chmod("data/test/dogs", 0)
    with as_nobody(), pytest.raises(UsageError, match="cannot list the data folder data/test/dogs: Permission denied"):
        read_layout("data")
    with pytest.raises(UsageError, match="cannot list the data folder nowhere: No such file"):
        read_layout("nowhere")


def test_data_in_an_endless_circle_of_links_ends(make):
    make("x.txt")
    os.symlink(".", "data/again")
    assert classes_of(read_layout("data")) == {"": ["again"]}


# ---- with the classes of a model


def test_classes_called_as_splits_are_classes_where_the_model_has_them(make):
    known = ClassIndex("vehicles", [ClassLabel("0", "train"), ClassLabel("1", "plane")])
    assert classes_of(read_layout(make("train", "plane"), known)) == {"": ["plane", "train"]}


def test_pictures_named_by_their_class(make):
    assert read_layout(make("cats_1.jpg"), PETS).by_name == {"": "data"}


def test_pictures_named_by_their_class_in_splits(make):
    layout = read_layout(make("deep/test", "deep/train"), PETS)
    assert layout.by_name == layout.parts == {"test": "data/deep/test", "train": "data/deep/train"}


def test_pictures_beside_the_classes_of_the_model_are_left_out_and_said(make):
    layout = read_layout(make("cats", "dogs", "IMG_1.jpg", "IMG_2.jpg"), PETS)
    assert classes_of(layout) == {"": ["cats", "dogs"]}
    assert layout.left_out == ["2 pictures directly in data, such as IMG_1.jpg: no folder says the class"]


def test_single_class_of_the_model_is_a_class(make):
    assert classes_of(read_layout(make("cats/train", "cats/test"), PETS)) == {
        "test": ["cats/test"], "train": ["cats/train"],
    }  # fmt: skip


def test_class_folder_may_hold_any_folders(make):
    assert classes_of(read_layout(make("cats/train", "cats/test", "cats/other", "dogs"))) == {"": ["cats", "dogs"]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["pets/cats", "pets/dogs"],
            "one level deeper: cats and dogs; give the folder that holds them, such as data/pe",
        ),
        (["a/cats", "b/cats", "b/dogs"], "data has the folders a and b, but the classes seem to be one level deeper"),
        (["cats", "dogs_1.jpg"], "data holds both pictures, such as dogs_1.jpg, and folders, such as cats; sort the"),
        (["notes.txt"], "data holds no pictures; put the pictures of each class into data/CLASS/, begin their names"),
    ],
)
def test_layout_that_the_model_does_not_fit_is_refused(make, names, message):
    with pytest.raises(UsageError) as error:
        read_layout(make(*names), PETS)
    assert message in str(error.value)
