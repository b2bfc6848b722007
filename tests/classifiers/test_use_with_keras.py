"""The script in a trained folder: plain Keras gives the suite's own answers, for it gets the same pixels."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import asdict

import keras
import numpy as np
import pytest
from conftest import IMAGES, engine_for
from PIL import Image

from classifiers import load_classifier, use_with_keras
from classifiers.folder import write_trained
from models import find_model
from networks import Head, Network
from networks.trained import build_features, build_head, join_head, save_classifier
from preprocess import read_square
from transforms import Transform

PICTURES = sorted(str(path) for path in IMAGES.iterdir())
NETWORK = Network((find_model("efficientnet_lite0"),), 7, Head("linear"))
NAMES = ["Kätzchen", "猫 (two words)", "dog", "a\u2028b", "emu", "fox", "gnu"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained classifier whose answers differ between pictures."""
    folder = tmp_path_factory.mktemp("trained")
    features, top = build_features(NETWORK, "imagenet"), build_head(1280, len(NAMES), NETWORK.head)
    top.set_weights([np.random.default_rng(0).standard_normal((1280, len(NAMES))) / 9, np.zeros(len(NAMES))])
    save_classifier(join_head(features, top), NETWORK, folder / "model.keras")
    return write_trained(folder, NETWORK, NAMES, NETWORK.transform(), "0.0.0")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures of all kinds that cameras and people make: {name: path}."""
    folder = tmp_path_factory.mktemp("pictures")
    photo = Image.open(IMAGES / "coffee.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "turned.jpg", exif=exif)
    photo.resize((2400, 1600)).save(folder / "large.jpg")
    photo.convert("L").resize((3, 401)).save(folder / "narrow.jpg")
    photo.convert("P").save(folder / "palette.gif")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(folder / "transparent.png")
    return sorted(map(str, folder.iterdir())) + PICTURES


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("fraction", [0.875, None])
@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_pixels_are_those_of_the_suite(pictures, resize, fraction, interpolation):
    for size in (96, 224):
        transform = Transform(size, resize, fraction, interpolation)
        told = asdict(transform) | {"input_size": size}
        del told["size"], told["max_pixels"]
        for path in pictures:
            assert np.array_equal(use_with_keras.read_square(path, **told), read_square(path, transform)), path


OWN = Transform(224, "pad", interpolation="bicubic")  # other than what its network has


def printed(text):
    """Return what is printed of each picture: [(path, [(label, per cent)])]."""
    found = []
    for block in text.strip().split("\n\n"):
        path, *lines = block.split("\n")
        rows = [re.fullmatch(r"\d\. (.*): ([\d.]+)%", line).groups() for line in lines]
        found.append((path, [(label, float(score)) for label, score in rows]))
    return found


def test_script_gives_the_answers_of_the_suite_wherever_its_folder_is(trained, pictures, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "bought 1")
    write_trained(folder, NETWORK, NAMES, OWN, "0.0.0")
    results = load_classifier(folder, engine=engine_for(NETWORK, trained.weights)).classify(pictures)
    expected = [[(one.label, 100 * one.score) for one in result.predictions] for result in results]
    variables = {"PATH": os.environ["PATH"], "KERAS_BACKEND": "tensorflow", "PYTHONUTF8": "1"}
    command = [sys.executable, folder / "use_with_keras.py", *pictures]
    finished = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, encoding="utf-8")
    assert finished.returncode == 0, finished.stderr
    found = printed(finished.stdout)
    assert [path for path, _rows in found] == pictures
    assert len({rows[0][0] for _path, rows in found}) > 2
    for (path, rows), suite in zip(found, expected, strict=True):
        assert [label for label, _score in rows] == [label for label, _score in suite], path
        assert [score for _, score in rows] == pytest.approx([score for _, score in suite], abs=0.02), path


def test_script_without_a_picture_says_what_it_does(trained, monkeypatch):
    script = str(trained.folder / "use_with_keras.py")
    monkeypatch.setattr(sys, "argv", [script])
    with pytest.raises(SystemExit, match=r"^Name what is in pictures with plain Keras: python use_with_keras"):
        runpy.run_path(script, run_name="__main__")


@pytest.mark.parametrize("threshold", [0.01, 0.99])
def test_script_answers_by_the_threshold_between_two_classes(threshold, tmp_path, monkeypatch, capsys):
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    mean = keras.layers.GlobalAveragePooling2D()(keras.ops.cast(pixels, "float32") / 255)
    keras.Model(pixels, keras.layers.Dense(2, "softmax")(mean)).save(tmp_path / "model.keras")
    (tmp_path / "labels.txt").write_text("no\nyes\n")
    preprocessing = {"input_size": 8, "resize": "crop", "crop_fraction": None, "interpolation": "bilinear"}
    (tmp_path / "spec.json").write_text(json.dumps({"preprocessing": preprocessing, "threshold": threshold}))
    monkeypatch.setattr(use_with_keras, "FOLDER", tmp_path)
    use_with_keras.main(PICTURES[:1])
    ((_path, ((first, score), (second, _other))),) = printed(capsys.readouterr().out)
    assert {first, second} == {"no", "yes"}
    assert (first == "yes") == ((score if first == "yes" else 100 - score) >= 100 * threshold)
    assert 1 < score < 99  # so that both thresholds decide
