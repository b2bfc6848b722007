"""The folder of a trained model: what it says is read back, and what is wrong with it is said."""

import json
import os
import shutil
from dataclasses import replace

import pytest

from classifiers.folder import check_class_names, read_trained, write_trained
from classifiers.load import find_named
from errors import UsageError
from labels import ClassLabel
from models import find_model
from networks import Head, Network
from transforms import Transform

NAMES = ["Kätzchen", "猫 (two words)", "dog"]
RESNET, LITE, XCEPTION = (find_model(name) for name in ("resnet50", "efficientnet_lite0", "xception"))
NETWORK = Network((RESNET, XCEPTION), 3, Head("mlp", 64, 0.5))


def write(folder):
    return write_trained(folder, NETWORK, NAMES, NETWORK.transform("pad"), "1.2.3", {"seed": 7})


@pytest.fixture
def folder(tmp_path):
    """A whole one, as far as can be seen without reading the model."""
    path = tmp_path / "pets"
    path.mkdir()
    (path / "model.keras").write_bytes(b"PK\x03\x04 numbers")
    write(path)
    return path


def test_what_was_written_is_read_back(folder):
    trained = read_trained(folder)
    assert (trained.name, trained.folder, trained.network) == (str(folder), folder, NETWORK)
    assert trained.transform == Transform(299, "pad", 0.875, "bilinear")
    assert trained.labels == tuple(ClassLabel(str(index), name) for index, name in enumerate(NAMES))
    assert (trained.decision_threshold, trained.weights.is_file) == (None, True)
    trained.weights.check_content()


def test_same_arguments_write_the_same_bytes(folder):
    before = (folder / "spec.json").read_bytes()
    write(folder)
    assert (folder / "spec.json").read_bytes() == before
    assert sorted(os.listdir(folder)) == ["labels.txt", "model.keras", "spec.json", "use_with_keras.py"]


def change(folder, *keys, value):
    """Set what spec.json has under the keys, or remove it."""
    content = json.loads((folder / "spec.json").read_text())
    part = content
    for key in keys[:-1]:
        part = part[key]
    if value is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    (folder / "spec.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda f: (f / "spec.json").unlink(), r"holds no trained model: spec\.json is missing"),
        (shutil.rmtree, r"holds no trained model: spec\.json is missing"),
        (lambda f: os.truncate(f / "spec.json", 100), r"damaged: spec\.json is not JSON"),
        (lambda f: (f / "spec.json").write_bytes(b"\xff\xfe"), r"damaged: spec\.json is not JSON"),
        (lambda f: (f / "spec.json").write_text("[" * 100_000), r"damaged: spec\.json is not JSON"),
        (lambda f: (f / "spec.json").write_text("[1]"), r"damaged: spec\.json is not a JSON object"),
        (lambda f: (f / "labels.txt").unlink(), r"damaged: labels\.txt is missing"),
        (lambda f: (f / "model.keras").unlink(), r"damaged: model\.keras is missing"),
        (lambda f: os.truncate(f / "model.keras", 5), r"damaged: model\.keras has 5 bytes, not 12"),
        (lambda f: (f / "labels.txt").write_text("a\n"), r"damaged: labels\.txt has 2 bytes, not "),
        (
            lambda f: (f / "labels.txt").write_bytes((f / "labels.txt").read_bytes().upper()),
            r"labels\.txt is not the f",
        ),
        (
            lambda f: change(f, "format", value=2),
            r"made by a newer version of this suite \(\"1\.2\.3\", format 2; .*upd",
        ),
        (lambda f: change(f, "format", value=None), r"damaged: in spec\.json, format is missing"),
        (lambda f: change(f, "format", value="1"), r"damaged: in spec\.json, format cannot be \"1\""),
        (
            lambda f: change(f, "backbones", value=["resnet50", "resnet51"]),
            r"the backbone 'resnet51' is not in the r",
        ),
        (lambda f: change(f, "backbones", value=[]), r"backbones cannot be \[\]"),
        (lambda f: change(f, "backbones", value=[["a"]]), r"damaged: in spec\.json, backbones cannot be"),
        (lambda f: change(f, "backbones", value=["xception"] * 2), r"backbones cannot be"),
        (lambda f: change(f, "classes", value=4), r"labels\.txt names 3 classes, and spec\.json 4"),
        (lambda f: change(f, "classes", value=True), r"classes cannot be true"),
        (lambda f: change(f, "head", "kind", value="deep"), r"head/kind cannot be \"deep\""),
        (lambda f: change(f, "head", "dropout", value=float("nan")), r"head/dropout cannot be NaN"),
        (lambda f: change(f, "head", value=[]), r"damaged: in spec\.json, head/kind is missing"),
        (lambda f: change(f, "preprocessing", value=None), r"preprocessing/input_size is missing"),
        (
            lambda f: change(f, "preprocessing", "input_size", value=224),
            r"pictures of 224 pixels do not fit resnet50\+xception",
        ),
        (lambda f: change(f, "preprocessing", "crop_fraction", value=0), r"preprocessing/crop_fraction cannot be 0"),
        (
            lambda f: change(f, "preprocessing", "interpolation", value="x" * 99),
            r"interpolation cannot be \"x{59}\.\.\.;",
        ),
        (lambda f: change(f, "preprocessing", "resize", value="squash"), r"preprocessing/resize cannot be \"squash\""),
        (lambda f: change(f, "threshold", value=2), r"threshold cannot be 2"),
        (lambda f: change(f, "files", "model.keras", value=None), r"files/model\.keras/bytes is missing"),
        (lambda f: change(f, "files", value="x"), r"files/model\.keras/bytes is missing"),
    ],
)
def test_damaged_folder_says_what_is_wrong(folder, damage, reason):
    damage(folder)
    with pytest.raises(UsageError, match=reason) as error:
        read_trained(folder)
    assert str(folder) in str(error.value)


def test_changed_model_is_noticed_when_it_is_to_be_used(folder):
    trained = read_trained(folder)
    (folder / "model.keras").write_bytes(b"PK\x03\x04 NUMBERS")
    read_trained(folder)
    with pytest.raises(
        UsageError, match=r"model\.keras is not the file that spec\.json was written for; get a whole c"
    ):
        trained.weights.check_content()


@pytest.mark.parametrize("name", ["", " cat", "cat\n", "a\tb", "a\nb", "a\rb", "\x1b[1m", "\ufeffcat", "\udcff"])
def test_class_names_that_a_labels_file_cannot_hold(name):
    with pytest.raises(UsageError, match=r"cannot name a class: .*rename the class's folder"):
        check_class_names(["dog", name])


def test_class_names_are_all_different():
    with pytest.raises(UsageError, match="two classes are called 'cat'"):
        check_class_names(["cat", "dog", "cat"])


def test_backbones_share_the_largest_picture():
    joined = Network((LITE, XCEPTION, RESNET))
    assert joined.name == "efficientnet_lite0+xception+resnet50"
    assert joined.input_size == 299
    assert joined.transform("pad", 10**6) == Transform(299, "pad", 0.875, "bilinear", 10**6)
    assert Network((LITE, RESNET)).transform().interpolation == "bicubic"  # of two as large, the first


@pytest.mark.parametrize(
    ("models", "reason"), [((), "no backbone given"), ((LITE, RESNET, LITE), "backbone efficientnet_lite0 is given tw")]
)
def test_backbones_that_make_no_sense(models, reason):
    with pytest.raises(UsageError, match=reason):
        Network(models)


def test_registry_goes_before_folders_and_a_path_is_always_a_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    folder.rename("resnet50")
    assert find_named("resnet50") is RESNET
    assert find_named("./resnet50").network == NETWORK
    (folder.parent / "resnet50").rename("pets")
    assert find_named("pets") == replace(find_named("./pets"), name="pets")
    with pytest.raises(UsageError, match="runs/pets is not a folder"):
        find_named("runs/pets")
    with pytest.raises(UsageError, match="unknown model 'pet'"):
        find_named("pet")
