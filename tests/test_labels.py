"""Class names: ImageNet's, shipped, and files of one's own."""

import hashlib

import pytest

from errors import UsageError
from labels import IMAGENET_FILE, ClassLabel, read_labels

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


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty; write one label a line"),
        (b"\n\n", "is empty; write one label a line"),
        (b"cat\n\ndog\n", "line 2 of the labels file .* is empty"),
        (b"cat\nn2\t\ndog\n", "line 2 of the labels file .* is empty"),
        (b"\xff\xfec\0a\0t\0", "is not UTF-8 text"),
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
