"""Labelled pictures in every layout, and what is wrong with them."""

import pytest

from errors import UsageError
from evaluation.data import find_data
from evaluation.labelled import find_labelled, read_labels_csv
from labels import ClassLabel, read_labels
from labels.classes import ClassIndex, class_names

PETS = ClassIndex("pets", [ClassLabel("0", "cats"), ClassLabel("1", "dogs")])
IMAGENET = read_labels()


@pytest.fixture(scope="module")
def imagenet():
    return ClassIndex("resnet50", IMAGENET)


@pytest.fixture
def make(tmp_path):
    """Make empty files, and return their folder."""

    def make_files(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make_files


def listed(pictures, folder) -> list[tuple[str, int]]:
    return [(path.removeprefix(f"{folder}/"), index) for path, index in pictures]


@pytest.mark.parametrize(
    ("label", "class_id"),
    [
        ("n01440764", "n01440764"), ("tench", "n01440764"), ("great white shark", "n01484850"),
        ("Great-White_Shark", "n01484850"), ("Cardigan", "n02113186"), ("cardigan", "n02963159"),
    ],
)  # fmt: skip
def test_label_is_an_id_or_a_name(imagenet, label, class_id):
    assert IMAGENET[imagenet.index_of(label)].class_id == class_id


def test_every_imagenet_id_is_its_class_and_every_other_name_too(imagenet):
    assert [imagenet.index_of(row.class_id) for row in IMAGENET] == list(range(1000))
    assert sum(row.label in ("crane", "maillot") for row in IMAGENET) == 4
    assert all(
        imagenet.index_of(row.label) == index
        for index, row in enumerate(IMAGENET)
        if row.label not in ("crane", "maillot")
    )


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("crane", "'crane' names 2 classes of resnet50; use their ids, n02012849 and n03126707"),
        ("espreso", "resnet50 has no class 'espreso'; did you mean 'espresso'?"),
        ("n99999999", "resnet50 has no class 'n99999999'"),
        ("7", "resnet50 has no class '7'"),
    ],
)
def test_label_that_is_no_class_is_refused(imagenet, label, message):
    with pytest.raises(UsageError) as error:
        imagenet.index_of(label)
    assert str(error.value) == message


def test_classes_of_one_name_are_shown_with_their_ids():
    names = class_names(IMAGENET)
    assert len(set(names)) == 1000
    assert {"crane (n02012849)", "crane (n03126707)", "tench"} <= set(names)


def test_position_is_no_label_unless_it_is_the_name():
    with pytest.raises(UsageError, match="no class '1'"):
        PETS.index_of("1")
    digits = ClassIndex("digits", [ClassLabel("0", "1"), ClassLabel("1", "0")])
    assert [digits.index_of(name) for name in "01"] == [1, 0]


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
        csv.write_text(text, encoding="utf-8")
        assert listed(read_labels_csv(csv, None, PETS), tmp_path) == [("a.jpg", 0), ("ü/b.jpg", 1)]
    assert next(iter(read_labels_csv(csv, "elsewhere", PETS))) == ("elsewhere/a.jpg", 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "truth.csv lists no pictures"),
        ("a.jpg,cats\nb.jpg,\n", "row 2 .* has no path or no label"),
        ("a.jpg\n", "row 1 .* has no path or no label"),
        ("a.jpg,cat\n", r"pets has no class 'cat'; did you mean 'cats'\? \(row of .*a.jpg\)"),
        ('"a.jpg,cats\n', "is not CSV"),
    ],
)
def test_csv_that_is_wrong_is_refused(tmp_path, text, message):
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_labels_csv(tmp_path / "truth.csv", None, PETS)


def test_csv_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*truth.csv: No such file"):
        read_labels_csv(tmp_path / "truth.csv", None, PETS)


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
    with pytest.raises(UsageError, match="has train and validation, but no test folder"):
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
    assert data.trained_on == 0
    assert find_data(str(folder / "pets" / "."), None, None, PETS, [run]).trained_on == 0
    csv = folder / "truth.csv"
    csv.write_text("pets/cats/1.jpg,cats\npets/dogs/4.jpg,dogs\n")
    assert find_data(None, str(csv), None, PETS, [run]).trained_on == 1
    (run / "manifest.csv").write_text("path\n1")
    with pytest.raises(UsageError, match="was trained on cannot be read"):
        find_data(str(folder / "pets"), None, None, PETS, [run])
