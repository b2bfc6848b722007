"""A Keras model of one's own as a backbone of train_classifier.py, and the folder that comes of it."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from conftest import IMAGES
from keras import layers
from PIL import Image

from classifiers.folder import read_trained
from errors import UsageError
from networks.applications import tensorflow_not_imported
from similarity import build_index, open_index

COLOURS = {"blue": (0, 0, 160), "red": (160, 0, 0)}


def model():
    """A model for 16 pixels, which has learnt nothing."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)), layers.Rescaling(1 / 255), layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(8, 3), layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dense(4, activation="softmax"),
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures in two colours, and a model of one's own."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / "data" / name).mkdir(parents=True)
        for number in range(10):
            pixels = (rng.integers(0, 96, (24, 24, 3)) + colour).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{number}.png")
    with tensorflow_not_imported():
        model().save(folder / "mine.keras")
    return folder


@pytest.fixture(scope="module")
def train(run, place):
    """Run train_classifier.py on those pictures."""

    def run_training(output, *options):
        paths = ["--data", place / "data", "--output", place / output, "--cache-dir", place / "cache"]
        return run("train_classifier.py", *paths, *options)

    return run_training


@pytest.fixture(scope="module")
def moved(train, place, tmp_path_factory):
    """The folder of a classifier, elsewhere, and without the file that its backbone came from."""
    (place / "gone").mkdir()
    shutil.copy(place / "mine.keras", place / "gone" / "mine.keras")
    finished = train("run", "--model", place / "gone" / "mine.keras")
    assert finished.returncode == 0, finished.stderr
    assert "mine.keras: as a backbone it ends with what GlobalAveragePooling2D" in finished.stderr
    shutil.rmtree(place / "gone")
    return shutil.move(place / "run", tmp_path_factory.mktemp("elsewhere") / "moved")


@pytest.fixture
def folder(moved, tmp_path):
    """A copy of it."""
    return shutil.copytree(moved, tmp_path / "run")


def change_spec(folder, *keys, value):
    spec = json.loads((folder / "spec.json").read_text())
    inner = spec
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (folder / "spec.json").write_text(json.dumps(spec))


def test_folder_works_without_the_file(moved, place, classify, tmp_path):
    pictures = [place / "data" / "blue", place / "data" / "red"]
    finished = classify(*pictures, "--model", moved, "--output", tmp_path / "rows.csv", "--explain", tmp_path / "seen")
    assert finished.returncode == 0, finished.stderr
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [row["label_1"] for row in rows] == ["blue"] * 10 + ["red"] * 10
    assert len(list((tmp_path / "seen").rglob("*.*g"))) >= 20
    assert str(place) not in (moved / "spec.json").read_text()


def test_folder_makes_an_index(moved, place, tmp_path):
    counts = build_index(tmp_path / "index", [place / "data"], moved, cache_dir=tmp_path)
    assert (counts.added, counts.failed) == (20, 0)
    with open_index(tmp_path / "index") as index:
        assert index.vectors.shape == (20, 8)


@pytest.mark.parametrize(
    ("keys", "value", "reason"),
    [
        (("backbones",), ["other.keras"], "the backbone 'other.keras' is not in the registry"),
        (("own_backbones",), [], r"own_backbones cannot be \[\]"),
        (("own_backbones", "mine.keras"), "a", "own_backbones/mine.keras/file is missing"),
        (("own_backbones", "mine.keras", "file"), "../x.json", "own_backbones/mine.keras/file cannot be"),
        (("own_backbones", "mine.keras", "preprocess"), "0..9", "own_backbones/mine.keras/preprocess cannot be"),
        (("files", "backbone_1.json"), {}, "files/backbone_1.json/bytes is missing"),
        (("files", "backbone_1.json", "sha256"), "0" * 64, "backbone_1.json is not the file that spec.json"),
    ],
)
def test_spec_that_cannot_be(keys, value, reason, folder):
    change_spec(folder, *keys, value=value)
    with pytest.raises(UsageError, match=f"is damaged: .*{reason}"):
        read_trained(folder)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [("ReLU", "TFSMLayer", "runs a TensorFlow graph of another folder"), ("keras.layers", "os", "is not Keras's own")],
)
def test_description_in_a_folder_is_not_trusted(old, new, reason, folder):
    """Even where the checksum is right: whoever sends the folder has made both."""
    path = folder / "backbone_1.json"
    path.write_text(path.read_text().replace(f'"{old}"', f'"{new}"'))
    from classifiers.folder import _fingerprint

    change_spec(folder, "files", "backbone_1.json", value=_fingerprint(path))
    with pytest.raises(UsageError, match=reason):
        read_trained(folder)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--model", "MINE", "--weights", "none"], "--weights none cannot go with --model mine.keras, which brings"),
        (["--model", "vgg16", "--preprocess", "0..1"], "vgg16 has its own way to preprocess"),
        (["--model", "MINE", "MINE"], "the backbone mine.keras is given twice"),
        (["--model", "MINE", "--output", "PLACE"], "mine.keras lies in --output"),
        (["--model", "nowhere.keras"], "no such file: nowhere.keras"),
        (["--model", IMAGES], "unknown model"),
    ],
)
def test_options_that_do_not_fit(options, reason, train, place):
    paths = {"MINE": place / "mine.keras", "PLACE": place}
    finished = train("wrong", *(paths.get(option, option) for option in options))
    assert finished.returncode == 2
    assert reason in finished.stderr
    assert not (place / "wrong").exists()


@pytest.mark.slow
def test_fine_tuned_beside_another_and_the_same_on_two_backends(train, place, classify, tmp_path):
    """Two files of one name, of which one is a .h5 in fact: their layers have the same names, too."""
    (place / "other").mkdir()
    with tensorflow_not_imported():
        model().save(place / "other" / "mine.h5")
    files = [place / "mine.keras", place / "other" / "mine.h5"]
    finished = train("both", "--model", *files, "--fine-tune", 3, "--fine-tune-epochs", 2, "--views", 1)
    assert finished.returncode == 0, finished.stderr
    assert "fine-tuning the last 3 and 3 layers: 1,168 weights of the backbones" in finished.stderr
    rows = []
    for backend in ("openvino", "tensorflow"):
        output = tmp_path / f"{backend}.csv"
        options = ["--model", place / "both", "--backend", backend, "--output", output]
        assert classify(place / "data", *options).returncode == 0
        rows.append(list(csv.DictReader(output.read_text().splitlines())))
    scores = [[float(row["score_1"]) for row in each] for each in rows]
    np.testing.assert_allclose(*scores, atol=1e-4)
    assert [row["label_1"] for row in rows[0]] == [row["label_1"] for row in rows[1]]
