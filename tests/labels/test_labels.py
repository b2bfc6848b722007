"""Class names: ImageNet's, shipped, and files of one's own."""

import hashlib
import unicodedata

import pytest

from errors import UsageError
from labels import IMAGENET_FILE, ClassLabel, read_labels
from labels.classes import ClassIndex, class_names

PETS = ClassIndex("pets", [ClassLabel("0", "cats"), ClassLabel("1", "dogs")])
IMAGENET = read_labels()
# Of the "class_id<TAB>name" lines made from Keras's own imagenet_class_index.json.
KERAS_CLASS_INDEX_SHA256 = "61e6bf481c37ad44d3860aa1a1da7caf836c6dc10854b5baab766e3343e94781"


def test_imagenet_labels_are_those_of_keras_in_its_order():
    labels = read_labels()
    assert len(labels) == len({label.class_id for label in labels}) == 1000
    assert labels[0] == ClassLabel("n01440764", "tench")
    assert labels[967] == ClassLabel("n07920052", "espresso")
    assert labels[999] == ClassLabel("n15075141", "toilet_tissue")
    lines = "".join(f"{label.class_id}\t{label.label}\n" for label in labels)
    assert hashlib.sha256(lines.encode()).hexdigest() == KERAS_CLASS_INDEX_SHA256
    assert IMAGENET_FILE.read_text(encoding="utf-8") == lines


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\n", [("0", "cat"), ("1", "dog")]),
        ("n1\tcat\nn2\tdog", [("n1", "cat"), ("n2", "dog")]),
        ("\ufeffкот\r\n犬\r\n\r\n", [("0", "кот"), ("1", "犬")]),
    ],
)
def test_labels_file_has_a_class_a_line(tmp_path, text, labels):
    path = tmp_path / "labels.txt"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_labels(path) == tuple(ClassLabel(*label) for label in labels)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_labels_file_may_come_from_windows(tmp_path, encoding):
    path = tmp_path / "labels.txt"
    path.write_bytes("cat\r\n犬\r\n".encode(encoding))
    assert [label.label for label in read_labels(path)] == ["cat", "犬"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; write one label a line"),
        (b"\n\n", "is empty; write one label a line"),
        (b"cat\n\ndog\n", "line 2 of the labels file .* is empty"),
        (b"cat\nn2\t\ndog\n", "line 2 of the labels file .* is empty"),
        (b"c\xe9t\n", "is not UTF-8 text"),
        (b"\xff\xfec\0a\0t", "is not UTF-8 text"),
    ],
)
def test_bad_labels_file_is_refused(tmp_path, data, message):
    path = tmp_path / "labels.txt"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=message):
        read_labels(path)


def test_missing_labels_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the labels file .*labels.txt: No such file"):
        read_labels(tmp_path / "labels.txt")


# ---- from a label as people write it to a class


@pytest.fixture(scope="module")
def imagenet():
    return ClassIndex("resnet50", IMAGENET)


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


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("other", ["NFC", "NFD"])
def test_label_matches_in_any_unicode_form(form, other):
    names = [unicodedata.normalize(form, name) for name in ("Käfer", "épagneul", "gå på")]
    classes = ClassIndex("accents", [ClassLabel(str(index), name) for index, name in enumerate(names)])
    for index, name in enumerate(names):
        written = unicodedata.normalize(other, name)
        assert classes.index_of(written) == classes.index_of(written.upper()) == index
        assert written in classes
        assert classes.index_of(classes.label_at_start_of(f"{written}_1")) == index
