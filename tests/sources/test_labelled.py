"""Labelled pictures from folders, from names and from a CSV file, and what is wrong with them."""

import logging

import pytest

from errors import UsageError
from labels import ClassLabel, read_labels
from labels.classes import ClassIndex
from sources.labelled import from_pairs, match_classes, read_folder, read_labels_csv
from sources.paths import Search

PETS = ClassIndex("pets", [ClassLabel("0", "cats"), ClassLabel("1", "dogs")])
IMAGENET = read_labels()


@pytest.fixture(scope="module")
def imagenet():
    return ClassIndex("resnet50", IMAGENET)


def find_labelled(folder, classes):
    return match_classes(read_folder(folder, classes), classes)


def listed(pictures, folder) -> list[tuple[str, int]]:
    return [(path.removeprefix(f"{folder}/"), index) for path, index in pictures]


def test_folder_for_each_class(make):
    folder = make("dogs/2.jpg", "cats/b/1.PNG", "cats/a.jpg", "cats/notes.txt", ".hidden/3.jpg")
    pictures = find_labelled(folder, PETS)
    assert listed(pictures, folder) == [("cats/a.jpg", 0), ("cats/b/1.PNG", 0), ("dogs/2.jpg", 1)]
    assert listed(pictures, folder) == listed(pictures, folder)
    assert (len(pictures), pictures.counts) == (3, {0: 2, 1: 1})


def test_folders_of_names_and_ids_are_of_one_class(make, imagenet):
    folder = make("tench/1.jpg", "n01440764/2.jpg")
    assert find_labelled(folder, imagenet).counts == {0: 2}


def test_names_that_begin_with_a_label(make, imagenet):
    folder = make(
        "n01440764_10026.JPEG", "great_white_shark_2.jpg", "great white shark.jpg", "black-footed_ferret-3.png"
    )
    found = [(path, IMAGENET[index].label) for path, index in listed(find_labelled(folder, imagenet), folder)]
    assert found == [
        ("black-footed_ferret-3.png", "black-footed_ferret"), ("great white shark.jpg", "great_white_shark"),
        ("great_white_shark_2.jpg", "great_white_shark"), ("n01440764_10026.JPEG", "tench"),
    ]  # fmt: skip


def test_csv_of_paths_and_labels(make, tmp_path):
    make("a.jpg", "ü/b.jpg")
    csv = tmp_path / "truth.csv"
    for text in (
        "path,label\na.jpg,cats\nü/b.jpg, dogs\n",
        "a.jpg,cats\n\nü/b.jpg,dogs",
        '\ufefflabel,x,path\ncats,,a.jpg\ndogs,,"ü/b.jpg"\n',
    ):
        for encoding in ("utf-8", "utf-16-le"):
            csv.write_text(text, encoding=encoding)
            assert listed(match_classes(read_labels_csv(csv), PETS), tmp_path) == [("a.jpg", 0), ("ü/b.jpg", 1)]
    assert next(iter(read_labels_csv(csv, "elsewhere"))) == ("elsewhere/a.jpg", "cats", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "truth.csv lists no pictures"),
        ("a.jpg,cats\nb.jpg,\n", "row 2 of .*: it has no path or no label"),
        ("a.jpg\n", "row 1 of .*: it has no path or no label"),
        ("a.jpg,cat\n", r"pets has no class 'cat'; did you mean 'cats'\? \(row of .*a.jpg\)"),
        ('"a.jpg,cats\n', "is not CSV"),
        ("\x00a\x00,\x00b\x00\n\x00", "is not CSV"),
        ("path,label,split\na.jpg,cats,val\nb.jpg,dogs,fold 2\n", "row 3 of .*: the split 'fold 2' is none of train"),
        ("path,label,split\na.jpg,cats\nb.jpg\n", "row 3 of .*: it has no path or no label"),
    ],
)
def test_csv_that_is_wrong_is_refused(tmp_path, text, message):
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        match_classes(read_labels_csv(tmp_path / "truth.csv"), PETS)


def test_csv_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*truth.csv: No such file"):
        match_classes(read_labels_csv(tmp_path / "truth.csv"), PETS)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cats/1.jpg", "dogs/notes.txt"], "the class folder .*/dogs holds no pictures"),
        (["cats/1.jpg", "dog/1.jpg"], r"pets has no class 'dog'; did you mean 'dogs'\? \(folder of .*dog/1.jpg\)"),
        (["cats/1.jpg", "cats_2.jpg"], "unknown layout: .* holds both pictures, such as cats_2.jpg, and folders"),
        (["cats_1.jpg", "IMG_7.jpg"], "the name of .*/IMG_7.jpg begins with no label that the model knows; put"),
        (["notes.txt"], "holds no pictures; put the pictures of each class into"),
        (["a/1.jpg", "b/1.jpg", "c/1.jpg", "d/1.jpg"], "'a'.*'b'.*'c'.*; and more"),
    ],
)
def test_data_that_cannot_be_judged_is_refused(make, names, message):
    with pytest.raises(UsageError, match=message):
        find_labelled(make(*names), PETS)


# ---- splits


def splits_of(data, folder):
    return {split: [row.path.removeprefix(f"{folder}/") for row in data.part(split)] for split in sorted(data.parts)}


def test_part_is_of_one_split_and_lists_no_other(make, monkeypatch):
    folder = make("train/cats/1.jpg", "train/dogs/2.jpg", "Test/cats/3.jpg", "Test/dogs/x.txt", "val/dogs/4.jpg")
    data = read_folder(folder)
    assert splits_of(data, folder) == {
        "test": ["Test/cats/3.jpg"],
        "train": ["train/cats/1.jpg", "train/dogs/2.jpg"],
        "validation": ["val/dogs/4.jpg"],
    }
    assert [(row.label, row.split) for row in data] == [
        ("cats", "test"), ("cats", "train"), ("dogs", "train"), ("dogs", "validation"),
    ]  # fmt: skip
    (folder / "train" / "dogs" / "2.jpg").unlink()
    assert data.part("test").name == f"{folder}/Test"
    assert len(match_classes(data.part("test"), PETS)) == 1  # that a class is missing in training is not looked at
    with pytest.raises(UsageError, match=r"the class folder .*/train/dogs holds no pictures"):
        list(data)


def test_splits_in_a_csv_file(make):
    folder = make("a.jpg")
    csv = folder / "truth.csv"
    csv.write_text("Split, Class,File\nTrain,cats,a.jpg\n,dogs,/b.jpg\nval,dogs,c.jpg\nholdout,cats,d.gif\n")
    data = read_labels_csv(csv)
    assert splits_of(data, folder) == {"test": ["d.gif"], "train": ["a.jpg"], "validation": ["c.jpg"]}
    assert [(row.path, row.label, row.split) for row in data][1] == ("/b.jpg", "dogs", "")
    assert [row.split for row in read_labels_csv(csv, search=Search(("*.gif",)))] == ["train", "", "validation"]


def test_pictures_named_by_their_class_in_the_folder_of_a_split(make):
    folder = make("test/cats_1.jpg", "test/dogs-2.jpg", "train/dogs_3.jpg")
    data = read_folder(folder, PETS)
    assert listed(match_classes(data.part("test"), PETS), folder) == [("test/cats_1.jpg", 0), ("test/dogs-2.jpg", 1)]


def test_patterns_are_relative_to_the_data(make):
    folder = make("train/cats/a/1.jpg", "train/cats/2.jpg", "train/dogs/a/3.jpg", "train/dogs/4.gif")
    data = read_folder(folder, search=Search(("train/cats/a", "*.gif")))
    assert [row.path.removeprefix(f"{folder}/") for row in data] == ["train/cats/2.jpg", "train/dogs/a/3.jpg"]


def test_how_the_data_is_read_and_what_is_left_out_is_said(make, caplog):
    folder = make("X/train/cats/1.jpg", "X/test/cats/2.jpg", "X/more/3.jpg")
    with caplog.at_level(logging.INFO, logger="suite"):
        read_folder(folder)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", f"note: the data is {folder}/X, for {folder} holds nothing else"),
        ("WARNING", f"left out: {folder}/X/more: it lies beside test and train"),
    ]


def test_labels_match_the_classes_in_any_unicode_form(make):
    folder = make("e\u0301pagneul/1.jpg", "Ka\u0308fer/2.jpg")
    classes = ClassIndex("accents", [ClassLabel("0", "K\u00e4fer"), ClassLabel("1", "\u00e9pagneul")])
    assert find_labelled(folder, classes).counts == {0: 1, 1: 1}
    assert match_classes(from_pairs("x", [("1.jpg", "e\u0301pagneul")]), classes).counts == {1: 1}


def test_data_without_a_picture_is_refused(make):
    data = read_folder(make("train/cats/1.jpg", "train/dogs/1.jpg", "test/cats/x.txt"))
    with pytest.raises(UsageError, match="test holds no pictures"):
        match_classes(data.part("test"), PETS)
