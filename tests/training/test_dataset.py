"""Classes, digests and splits: the same everywhere, and no picture on two sides."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.manifest import Picture
from errors import UsageError
from sources.labelled import read_folder, read_labels_csv
from sources.paths import Search
from training.dataset import add_digests, find_no_pictures, find_pictures
from training.split import check_every_class, missing_classes, split_pictures

SHARES = (70, 20, 10)


def make(folder: Path, **counts: int) -> Path:
    """Write files with contents of their own: make(folder, cats=3) or make(folder, train__cats=3)."""
    for name, count in counts.items():
        place = folder.joinpath(*name.split("__"))
        place.mkdir(parents=True)
        for number in range(count):
            (place / f"{number:03}.jpg").write_text(f"{name} {number}")
    return folder


def found(folder: Path | str) -> list[Picture]:
    return find_pictures(read_folder(folder), folder)


def divide(folder: Path, shares: tuple[float, ...] = SHARES, seed: int = 0) -> list[Picture]:
    return split_pictures(add_digests(folder, found(folder)), shares, seed)


def sides(pictures: list[Picture]) -> dict[str, set[str]]:
    """Return the splits that each content is used in: {digest: splits}."""
    found: dict[str, set[str]] = {}
    for picture in pictures:
        if not picture.skipped:
            found.setdefault(picture.digest, set()).add(picture.split)
    return found


def test_every_class_is_cut_by_the_shares(tmp_path):
    pictures = divide(make(tmp_path, cats=100, dogs=30))
    assert Counter((picture.label, picture.split) for picture in pictures) == {
        ("cats", "train"): 70, ("cats", "validation"): 20, ("cats", "test"): 10,
        ("dogs", "train"): 21, ("dogs", "validation"): 6, ("dogs", "test"): 3,
    }  # fmt: skip


def test_split_depends_on_content_and_seed_alone(tmp_path):
    folder = make(tmp_path / "pets", cats=50, dogs=50)
    before = sides(divide(folder))
    assert sides(divide(folder, seed=1)) != before
    folder = folder.rename(tmp_path / "renamed")
    assert sides(divide(folder)) == before
    (folder / "cats").rename(folder / "zebras")
    for path in list((folder / "dogs").iterdir()):
        path.rename(path.with_name(f"new {99 - int(path.stem)}.png"))
    assert sides(divide(folder)) == before
    make(folder, birds=20)
    assert before.items() <= sides(divide(folder)).items()


def test_split_is_the_same_on_every_machine(tmp_path):
    """A change here would move pictures from test to training between versions of the suite."""
    pictures = divide(make(tmp_path, cats=5, dogs=5))
    assert {picture.path: picture.split for picture in pictures if picture.split != "train"} == {
        "cats/000.jpg": "validation", "cats/001.jpg": "test", "dogs/000.jpg": "test", "dogs/002.jpg": "validation",
    }  # fmt: skip


def test_copies_are_on_one_side(tmp_path):
    folder = make(tmp_path, cats=60, dogs=60)
    for number in range(60):
        shutil.copy(folder / "cats" / f"{number:03}.jpg", folder / "cats" / f"copy of {number}.png")
    pictures = divide(folder)
    assert len(pictures) == 180
    assert all(len(splits) == 1 for splits in sides(pictures).values())


def test_picture_in_two_classes_is_left_out(tmp_path):
    folder = make(tmp_path, cats=20, dogs=20)
    shutil.copy(folder / "cats" / "003.jpg", folder / "dogs" / "cat.jpg")
    skipped = [picture for picture in divide(folder) if picture.skipped]
    assert [picture.path for picture in skipped] == ["cats/003.jpg", "dogs/cat.jpg"]
    assert {picture.skipped for picture in skipped} == {"the same picture is in the classes cats, dogs"}


def test_given_folders_are_kept_and_validation_is_cut_from_training(tmp_path):
    folder = make(tmp_path, train__cats=90, train__dogs=45, Test__cats=7, Test__dogs=8)
    counts = Counter((picture.label, picture.split) for picture in divide(folder))
    assert counts == {
        ("cats", "train"): 70, ("cats", "validation"): 20, ("cats", "test"): 7,
        ("dogs", "train"): 35, ("dogs", "validation"): 10, ("dogs", "test"): 8,
    }  # fmt: skip


def test_all_three_folders_are_taken_as_they_are(tmp_path):
    folder = make(tmp_path, train__a=5, train__b=5, val__a=4, val__b=4, test__a=3, test__b=3)
    assert Counter(picture.split for picture in divide(folder)) == {"train": 10, "validation": 8, "test": 6}


def test_copy_in_test_is_left_out_of_training(tmp_path):
    folder = make(tmp_path, train__cats=20, train__dogs=20, test__cats=5, test__dogs=5)
    shutil.copy(folder / "test" / "cats" / "002.jpg", folder / "train" / "cats" / "leak.jpg")
    pictures = divide(folder)
    assert [(picture.path, picture.skipped) for picture in pictures if picture.skipped] == [
        ("train/cats/leak.jpg", "the same picture is in test")
    ]
    assert all(len(splits) == 1 for splits in sides(pictures).values())


def test_without_a_test_share_there_is_no_test(tmp_path):
    pictures = divide(make(tmp_path, cats=10, dogs=10), shares=(80, 20, 0))
    assert Counter(picture.split for picture in pictures) == {"train": 16, "validation": 4}


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"cats": 5}, "has only one class, 'cats', and at least two are needed"),
        (
            {"cats": 5, "dogs": 0},
            r"class folder .*dogs holds no pictures \(.jpg, .jpeg, .jpe ...\); fill it, or remove",
        ),
        ({"cats": 5, "dogs": 1}, "class 'dogs' has too few pictures: 1 different ones"),
        (
            {"train__a": 5, "train__b": 5, "test__a": 5, "test__c": 5},
            r"the class 'c' is in test \(test/c/000.jpg\), but",
        ),
        ({"train__Cats": 5, "train__b": 5, "test__cats": 5}, r"not in train; .*; did you mean 'Cats'\?"),
        ({"train__a": 5, "train__b": 0}, "class folder .*/train/b holds no pictures"),
        ({"train__a": 5, "test__a": 5}, "has only one class, 'a', and at least two are needed"),
        ({"val__a": 5, "test__a": 5}, "has test and validation pictures, but none to train on"),
        ({}, "holds neither class folders nor pictures"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, counts, message):
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(UsageError, match=message):
        divide(make(folder, **counts))


def test_files_that_are_no_pictures_are_found_for_the_manifest(tmp_path):
    folder = make(tmp_path, train__cats=3, train__dogs=3, test__cats=1)
    names = ["train/cats/1.MOV", "train/cats/deep/1.txt", "train/cats/1", "test/cats/a.b.Pdf"]
    quiet = ["train/cats/.DS_Store", "train/cats/Thumbs.db", "train/dogs/desktop.ini", "train/dogs/out.txt", "x.txt"]
    for name in (*names, *quiet):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    rows = find_no_pictures(read_folder(folder, search=Search(("out.*",))), folder)
    assert sorted(row.path for row in rows) == sorted(names)
    assert {(row.label, row.split, row.digest, row.skipped) for row in rows} == {
        ("cats", "", "", "not a picture by its extension"),
    }  # fmt: skip
    assert len(found(folder)) == 7


def test_class_folder_with_other_files_only_is_told_what_it_holds(tmp_path):
    folder = make(tmp_path, cats=3, dogs=1)
    (folder / "dogs" / "000.jpg").rename(folder / "dogs" / "000.pdf")
    with pytest.raises(UsageError, match=r"dogs holds no pictures \(.jpg, .jpeg, .jpe ...\), but 1 .pdf; fill"):
        found(folder)


def test_missing_folder_and_unusable_names_are_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot list the data folder nowhere: No such file"):
        found("nowhere")
    with pytest.raises(UsageError, match="cannot name a class"):
        found(make(tmp_path, **{"two\nlines": 3, "cats": 3}))


def test_unreadable_files_are_left_out_before_they_are_hashed(tmp_path):
    folder = make(tmp_path, cats=5, dogs=5)
    (folder / "cats" / "000.jpg").unlink()
    (folder / "cats" / "000.jpg").symlink_to("nowhere")
    first = add_digests(folder, found(folder))[0]
    assert (first.digest, first.skipped) == ("", "is not a regular file (a pipe or a device?)")


def test_class_whose_pictures_are_all_in_test_is_named_with_the_reason(tmp_path):
    folder = make(tmp_path, train__cats=9, train__dogs=0, test__cats=3, test__dogs=5)
    for number in range(5):
        shutil.copy(folder / "test" / "dogs" / f"00{number}.jpg", folder / "train" / "dogs" / f"copy {number}.jpg")
    reason = r"the same picture is in test \(5, such as train/dogs/copy 0.jpg\)"
    with pytest.raises(UsageError, match=f"'dogs' has no picture left for train: all 5 are left out: {reason}"):
        divide(folder)
    (folder / "train" / "dogs" / "new.jpg").write_text("new")
    with pytest.raises(UsageError, match=f"1 different ones .* dozens are better; 5 are left out: {reason}"):
        divide(folder)


def without(pictures: list[Picture], split: str, *labels: str) -> list[Picture]:
    """Return the pictures with those of a split and of some classes skipped."""
    return [
        replace(one, skipped="the file is empty") if one.split == split and one.label in labels else one
        for one in pictures
    ]


def test_class_that_loses_all_its_pictures_is_named(tmp_path):
    pictures = divide(make(tmp_path, cats=5, dogs=5))
    check_every_class(pictures)
    assert missing_classes(pictures) == {}
    with pytest.raises(
        UsageError, match=r"'dogs' has no picture left for train: all 3 are left out: the file is empty"
    ):
        check_every_class(without(pictures, "train", "dogs"))
    check_every_class(without(pictures, "test", "dogs"))
    assert missing_classes(without(pictures, "test", "dogs")) == {"test": ["dogs"]}
    with pytest.raises(UsageError, match="there is no picture left for test: all 2 are left out"):
        check_every_class(without(pictures, "test", "dogs", "cats"))


def test_class_may_be_missing_in_validation_and_test(tmp_path):
    pictures = divide(make(tmp_path, train__a=5, train__b=5, train__c=5, val__b=2, test__a=2, test__c=0))
    assert Counter((picture.split, picture.label) for picture in pictures) == {
        ("train", "a"): 5, ("train", "b"): 5, ("train", "c"): 5, ("validation", "b"): 2, ("test", "a"): 2,
    }  # fmt: skip
    check_every_class(pictures)
    assert missing_classes(pictures) == {"test": ["b", "c"], "validation": ["a", "c"]}


# ---- a CSV file


def listed(folder: Path, text: str, root: Path | None = None) -> list[Picture]:
    (folder / "pets.csv").write_text(text, encoding="utf-8")
    return find_pictures(read_labels_csv(folder / "pets.csv", root or folder), root or folder)


def test_csv_file_names_pictures_anywhere(tmp_path):
    folder, other = make(tmp_path / "a", cats=2), make(tmp_path / "b", dogs=2)
    paths = ["./cats/000.jpg", f"{folder}/cats/001.jpg", "../b/dogs/000.jpg", f"{other}/dogs/001.jpg"]
    rows = "path,label\n" + "".join(f"{path},{path.split('/')[-2]}\n" for path in paths)
    pictures = listed(folder, rows)
    assert {picture.path for picture in pictures} == {
        "cats/000.jpg", "cats/001.jpg", "../b/dogs/000.jpg", f"{other}/dogs/001.jpg",
    }  # fmt: skip
    assert not [picture for picture in add_digests(folder, pictures) if picture.skipped]
    assert listed(tmp_path, rows, root=folder) == pictures


def test_splits_of_a_csv_file_are_kept_and_the_rest_is_divided(tmp_path):
    folder = make(tmp_path, cats=40, dogs=40)
    rows = [
        f"{label}/{number:03}.jpg,{label},{'Test' if number < 5 else 'training' if number < 10 else ''}\n"
        for label in ("cats", "dogs")
        for number in range(40)
    ]
    pictures = split_pictures(add_digests(folder, listed(folder, "path,label,split\n" + "".join(rows))), SHARES, 0)
    tested = {picture.path for picture in pictures if picture.split == "test"}
    assert tested == {f"{label}/{number:03}.jpg" for label in ("cats", "dogs") for number in range(5)}
    assert Counter(picture.split for picture in pictures) == {"test": 10, "train": 54, "validation": 16}


def test_picture_that_a_csv_file_lists_again(tmp_path, caplog):
    folder = make(tmp_path, cats=6, dogs=6)
    rows = "".join(f"{label}/{number:03}.jpg,{label},\n" for label in ("cats", "dogs") for number in range(6))
    again = "./cats/000.jpg,cats,\ncats/001.jpg,cats,test\ndogs/000.jpg,dogs,test\ncats/002.jpg,dogs,\n"
    pictures = add_digests(folder, listed(folder, f"path,label,split\n{rows}{again}"))
    assert f"left out: 1 rows of {folder}/pets.csv, which list a picture again" in caplog.text
    skipped = [(one.path, one.skipped) for one in split_pictures(pictures, SHARES, 0) if one.skipped]
    assert skipped == [
        ("cats/001.jpg", "the same picture is in test"),
        ("cats/002.jpg", "the same picture is in the classes cats, dogs"),
        ("cats/002.jpg", "the same picture is in the classes cats, dogs"),
        ("dogs/000.jpg", "the same picture is in test"),
    ]


def test_file_that_a_csv_file_lists_and_that_is_missing(tmp_path):
    folder = make(tmp_path, cats=1)
    pictures = add_digests(folder, listed(folder, "cats/000.jpg,cats\nnowhere.jpg,dogs\n"))
    assert {picture.path: picture.skipped for picture in pictures} == {
        "cats/000.jpg": "",
        "nowhere.jpg": "no such file",
    }
    with pytest.raises(UsageError, match=r"none of the files .* lists is there, such as x.jpg; paths are relative to"):
        listed(folder, "x.jpg,cats\ny.jpg,dogs\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cats/000.jpg,cats\n",
            "has only one class, 'cats', and at least two are needed, each with a label of its own",
        ),
        (
            "path,label,split\ncats/000.jpg,cats,val\nx,dogs,test\n",
            "has test and validation pictures, but none to train",
        ),
        ("path,label,split\ncats/000.jpg,cats,\nx,Cats,test\n", "the class 'Cats' is in test .* did you mean 'cats'"),
        ('cats/000.jpg,cats\nx,"two\nlines"\n', "cannot name a class"),
    ],
)
def test_csv_file_that_nothing_can_be_trained_from_is_refused(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        listed(make(tmp_path, cats=1), text)
