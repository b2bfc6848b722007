"""Which pictures are evaluated, and which ones a threshold is chosen on."""

import json
import os
import re
import shutil

import pytest

from errors import UsageError
from evaluation.data import find_data
from files import sha256_of
from labels import ClassLabel
from labels.classes import ClassIndex
from sources.paths import Search

PETS = ClassIndex("pets", [ClassLabel("0", "cats"), ClassLabel("1", "dogs")])


def listed(pictures, folder) -> list[tuple[str, int]]:
    return [(path.removeprefix(f"{folder}/"), index) for path, index in pictures]


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"cannot list the data folder .*: No such file"):
        find_data(str(tmp_path / "nowhere"), None, None, PETS)


def test_of_split_data_the_test_pictures_are_evaluated(make):
    folder = make("train/cats/1.jpg", "val/cats/2.jpg", "val/dogs/3.jpg", "Test/dogs/4.jpg")
    data = find_data(str(folder), None, None, PETS)
    assert listed(data.test, folder) == [("Test/dogs/4.jpg", 1)]
    assert listed(data.validation, folder) == [("val/cats/2.jpg", 0), ("val/dogs/3.jpg", 1)]
    data = find_data(str(folder / "Test"), None, str(folder / "train"), PETS)
    assert (len(data.test), listed(data.validation, folder)) == (1, [("train/cats/1.jpg", 0)])
    assert find_data(str(folder / "Test"), None, None, PETS).validation is None


def test_threshold_is_not_chosen_on_what_is_evaluated(make):
    folder = make("test/cats/1.jpg", "train/cats/2.jpg")
    for data in (folder, folder / "test"):
        with pytest.raises(UsageError, match="is what is evaluated; a threshold is chosen on other pictures"):
            find_data(str(data), None, str(folder / "test"), PETS)


def test_split_data_without_test_pictures_is_refused(make):
    folder = make("train/cats/1.jpg", "validation/cats/2.jpg")
    with pytest.raises(UsageError, match="has train and validation, but no test pictures; give those"):
        find_data(str(folder), None, None, PETS)


def test_folders_that_are_called_as_classes_are_no_splits(make):
    classes = ClassIndex("exams", [ClassLabel("0", "test"), ClassLabel("1", "training")])
    assert find_data(str(make("test/1.jpg", "training/2.jpg")), None, None, classes).test.counts == {0: 1, 1: 1}


def test_pictures_that_a_model_was_trained_on_are_not_what_it_is_judged_on(make, tmp_path):
    folder = make("pets/cats/1.jpg", "pets/cats/2.jpg", "pets/dogs/3.jpg", "pets/dogs/4.jpg")
    run = tmp_path / "run"
    run.mkdir()
    (run / "training.json").write_text(f'{{"data": "{folder}/pets"}}')
    (run / "manifest.csv").write_text(
        "path,class,split,digest,skipped\ncats/1.jpg,cats,train,,\ncats/2.jpg,cats,validation,,\n"
        "dogs/3.jpg,dogs,test,,\ndogs/4.jpg,dogs,validation,,a copy\n"
    )
    data = find_data(str(folder / "pets"), None, None, PETS, [run])
    assert listed(data.test, folder) == [("pets/dogs/3.jpg", 1)]
    assert listed(data.validation, folder) == [("pets/cats/2.jpg", 0)]
    assert listed(find_data(str(folder / "pets" / "."), None, None, PETS, [run]).test, folder) == [
        ("pets/dogs/3.jpg", 1)
    ]
    (run / "manifest.csv").write_text("path\n1")
    with pytest.raises(UsageError, match="was trained on cannot be read"):
        find_data(str(folder / "pets"), None, None, PETS, [run])


def trained_from(tmp_path, told: str, rows: str, name: str = "run"):
    """Write what a training run leaves of its pictures."""
    run = tmp_path / name
    run.mkdir()
    (run / "training.json").write_text(told)
    (run / "manifest.csv").write_text(f"path,class,split,digest,skipped\n{rows}")
    return run


def test_test_pictures_that_were_cut_from_training_are_evaluated(make, tmp_path):
    folder = make("pets/train/cats/1.jpg", "pets/train/dogs/2.jpg", "pets/val/cats/3.jpg")
    run = trained_from(
        tmp_path,
        f'{{"data": "{folder}/pets"}}',
        "train/cats/1.jpg,cats,train,,\ntrain/dogs/2.jpg,dogs,test,,\n",
    )
    data = find_data(str(folder / "pets"), None, None, PETS, [run])
    assert listed(data.test, folder) == [("pets/train/dogs/2.jpg", 1)]
    assert listed(data.validation, folder) == [("pets/val/cats/3.jpg", 0)]


@pytest.mark.parametrize("given", [("", None), (None, "pets.csv"), ("", "pets.csv")])
def test_model_that_was_trained_from_a_csv_file_is_judged_on_its_test_pictures(make, tmp_path, given):
    folder = make("a.jpg", "b.jpg", "c.jpg", "more/cats/x.jpg")
    csv = folder / "pets.csv"
    csv.write_text("a.jpg,cats\nb.jpg,dogs\nc.jpg,cats\n")
    rows = "a.jpg,cats,train,,\nb.jpg,dogs,test,,\nc.jpg,cats,validation,,\n"
    run = trained_from(tmp_path, f'{{"data": "{folder}", "labels_csv": "{csv}"}}', rows)
    data, labels_csv = (None if name is None else str(folder / name) for name in given)
    found = find_data(data, labels_csv, None, PETS, [run])
    assert (listed(found.test, folder), listed(found.validation, folder)) == ([("b.jpg", 1)], [("c.jpg", 0)])
    other = find_data(str(folder / "more"), None, None, PETS, [run])
    assert listed(other.test, folder) == [("more/cats/x.jpg", 0)]


def test_data_that_a_model_was_trained_from_is_read_as_in_training(make, tmp_path):
    folder = make("pets/cats/1.jpg", "pets/dogs/2.jpg", "pets/cover.jpg")
    run = trained_from(tmp_path, f'{{"data": "{folder}/pets"}}', "cats/1.jpg,cats,train,,\ndogs/2.jpg,dogs,test,,\n")
    assert listed(find_data(str(folder / "pets"), None, None, PETS, [run]).test, folder) == [("pets/dogs/2.jpg", 1)]


def test_splits_of_a_csv_file(make):
    folder = make("x")
    csv = folder / "pets.csv"
    csv.write_text("path,label,split\n1.jpg,cats,train\n2.jpg,dogs,val\n3.jpg,cats,test\n")
    data = find_data(None, str(csv), None, PETS)
    assert (listed(data.test, folder), listed(data.validation, folder)) == ([("3.jpg", 0)], [("2.jpg", 1)])
    csv.write_text("path,label,split\n1.jpg,cats,train\n2.jpg,dogs,val\n")
    with pytest.raises(UsageError, match=r"pets.csv has train and validation, but no test pictures"):
        find_data(None, str(csv), None, PETS)


def test_validation_pictures_of_other_data(make):
    folder = make("a/cats/1.jpg", "b/train/cats/2.jpg", "b/val/dogs/3.jpg", "c/train/cats/1.jpg", "c/test/cats/1.jpg")
    data = find_data(str(folder / "a"), None, str(folder / "b"), PETS)
    assert listed(data.validation, folder) == [("b/val/dogs/3.jpg", 1)]
    with pytest.raises(UsageError, match="c has test and train, but no validation pictures; give those alone"):
        find_data(str(folder / "a"), None, str(folder / "c"), PETS)


def test_search_is_respected(make):
    folder = make("a/cats/1.jpg", "a/cats/2.gif", "b/cats/1.gif", "b/cats/2.jpg")
    data = find_data(str(folder / "a"), None, str(folder / "b"), PETS, search=Search(("*.gif",)))
    assert (listed(data.test, folder), listed(data.validation, folder)) == (
        [("a/cats/1.jpg", 0)],
        [("b/cats/2.jpg", 0)],
    )


SPLIT = ("train", "validation", "test", "train", "validation", "test")
OTHER_SPLIT = ("test", "validation", "test", "train", "test", "train")


def pets(folder, name: str = "pets", number: int = 0) -> list[str]:
    """Write three pictures of each class, all different, and return their paths."""
    paths = [f"{label}/{number + index}.jpg" for label in ("cats", "dogs") for index in (0, 1, 2)]
    for content, path in enumerate(paths):
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_text(f"picture {content}")
    return paths


def trained_on(folder, paths: list[str], splits: tuple[str, ...], name: str):
    """Write what a run on the folder `pets` leaves of its pictures."""
    rows = [
        f"{path},{path[:4]},{split},{sha256_of(folder / 'pets' / path)},\n"
        for path, split in zip(paths, splits, strict=True)
    ]
    return trained_from(folder, json.dumps({"data": str(folder / "pets")}), "".join(rows), name)


def test_copies_of_what_a_model_was_trained_on_are_left_out(tmp_path):
    run = trained_on(tmp_path, pets(tmp_path), SPLIT, "run")
    pets(tmp_path, "copies", 7)
    (tmp_path / "copies" / "cats" / "new.jpg").write_text("new")
    found = find_data(str(tmp_path / "copies"), None, None, PETS, [run])
    assert listed(found.test, tmp_path) == [
        ("copies/cats/9.jpg", 0),
        ("copies/cats/new.jpg", 0),
        ("copies/dogs/9.jpg", 1),
    ]
    assert (len(found.test), found.test.counts, found.left_out) == (3, {0: 2, 1: 1}, 4)
    assert found.notes == (f"left out: 4 of the 7 pictures, known to {run} from its training",)


def test_classes_of_which_all_pictures_are_known_are_not_there(tmp_path):
    run = trained_on(tmp_path, pets(tmp_path), ("test", "test", "test", "train", "train", "validation"), "run")
    shutil.copytree(tmp_path / "pets", tmp_path / "copies")
    assert find_data(str(tmp_path / "copies"), None, None, PETS, [run]).test.counts.keys() == {0}


def test_models_of_different_splits_are_judged_on_what_none_of_them_knows(tmp_path):
    paths = pets(tmp_path)
    runs = [trained_on(tmp_path, paths, splits, name) for splits, name in ((SPLIT, "a"), (OTHER_SPLIT, "b"))]
    found = find_data(str(tmp_path / "pets"), None, None, PETS, runs)
    assert listed(found.test, tmp_path) == [("pets/cats/2.jpg", 0)]
    known = f"known to a model from its training ({runs[0]}: 4, {runs[1]}: 3)"
    assert (found.left_out, found.notes) == (5, (f"left out: 5 of the 6 pictures, {known}",))
    assert found.validation is None


def test_models_of_one_split_are_judged_on_their_test_pictures(tmp_path):
    paths = pets(tmp_path)
    runs = [trained_on(tmp_path, paths, SPLIT, name) for name in ("a", "b")]
    found = find_data(str(tmp_path / "pets"), None, None, PETS, runs)
    assert listed(found.test, tmp_path) == [("pets/cats/2.jpg", 0), ("pets/dogs/2.jpg", 1)]
    assert (found.left_out, found.notes, len(found.validation)) == (0, (), 2)


def test_models_are_not_compared_on_what_only_some_of_them_know(tmp_path):
    paths = pets(tmp_path)
    first = trained_on(tmp_path, paths, SPLIT, "a")
    other = trained_on(tmp_path, paths, ("train", "train", "train", "validation", "train", "train"), "b")
    with pytest.raises(
        UsageError, match=r"nothing is left of the 6 pictures of .*pets: each is known .*/a: 4, .*/b: 6\)"
    ):
        find_data(str(tmp_path / "pets"), None, None, PETS, [first, other])


@pytest.mark.parametrize(("names", "who"), [(["a"], "a"), (["a", "b"], "every model")])
def test_pictures_that_all_are_known_are_evaluated_and_said_to_be(tmp_path, names, who):
    paths = pets(tmp_path)
    runs = [trained_on(tmp_path, paths, ("train",) * 6, name) for name in names]
    found = find_data(str(tmp_path / "pets"), None, None, PETS, runs)
    assert (len(found.test), found.left_out) == (6, 0)
    (note,) = found.notes
    assert re.fullmatch(rf"each of the 6 pictures is known to (.*/)?{who} from its training: .*", note)


def test_pictures_are_known_without_the_options_of_the_run(tmp_path):
    run = trained_on(tmp_path, pets(tmp_path), SPLIT, "run")
    (run / "training.json").unlink()
    found = find_data(str(tmp_path / "pets"), None, None, PETS, [run])
    assert (len(found.test), found.left_out, found.validation) == (2, 4, None)


def test_what_is_no_file_is_known_to_nobody(tmp_path):
    run = trained_on(tmp_path, pets(tmp_path), SPLIT, "run")
    os.mkfifo(tmp_path / "pipe.jpg")
    csv = tmp_path / "truth.csv"
    csv.write_text("pipe.jpg,cats\nmissing.jpg,cats\npets/cats/0.jpg,cats\npets/cats/0.jpg,cats\n")
    found = find_data(None, str(csv), None, PETS, [run])
    assert listed(found.test, tmp_path) == [("pipe.jpg", 0), ("missing.jpg", 0)]
    assert found.left_out == 2
