"""A classifier as a value: checked at once, loaded late and once, shared by threads and sent to processes."""

import logging
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import IMAGES, ROOT

from classifiers import load_classifier
from classifiers.folder import write_trained
from engines.runtime import Runtime
from errors import UsageError
from labels import read_labels
from models import find_model
from networks import Head, Network

LABELS = read_labels()
PICTURES = [str(IMAGES / name) for name in ("camera.png", "cat.png", "coffee.png", "rocket.jpg")]


class Brightest:
    """Sees a class in the brightness of a square; keeps the sizes of its batches."""

    def __init__(self):
        self.sizes = []

    def predict(self, squares):
        self.sizes.append(len(squares))
        return np.eye(1000, dtype=np.float32)[squares.mean(axis=(1, 2, 3)).astype(int)]


@pytest.fixture
def trained(tmp_path) -> Path:
    """The folder of a trained classifier, whole as far as can be seen without reading the model."""
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"PK\x03\x04 numbers")
    network = Network((find_model("resnet50"),), 2, Head())
    write_trained(folder, network, ["cats", "dogs"], network.transform("pad"), "1.2.3", decision_threshold=0.25)
    return folder


def best(classifier) -> dict[tuple[str, str], float]:
    """The score of each picture's best label."""
    return scores_of(classifier.classify(PICTURES, top_k=1))


def scores_of(results) -> dict[tuple[str, str], float]:
    return {(one.source, one.predictions[0].label): one.predictions[0].score for one in results}


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnett50"}, r"unknown model 'resnett50'; did you mean 'resnet50'\? \(see --list-models\)"),
        ({"model": "runs/none"}, "runs/none is not a folder"),
        ({"model": ""}, "unknown model ''"),
        ({"model": None}, "model is None; give the name"),
        ({"model": ["resnet50"]}, r"model is \['resnet50'\]; give the name"),
        ({"weights": "nowhere.h5"}, r"no such weights file: nowhere\.h5"),
        ({"weights": Path("nowhere.h5")}, r"no such weights file: nowhere\.h5"),
        ({"weights": __file__}, r"has to end in \.h5"),
        ({"weights": ""}, "no such weights file: "),
        ({"weights": 5}, "weights is 5; give"),
        ({"labels": "nowhere.txt"}, r"cannot read the labels file nowhere\.txt"),
        ({"labels": ["cat"]}, "the ImageNet weights have 1000 classes, but the labels name 1;"),
        ({"labels": LABELS[:999]}, "but the labels name 999;"),
        ({"labels": []}, r"labels is \[\]; list the classes"),
        ({"labels": 5}, "labels is 5; list the classes"),
        ({"labels": {"cat": 0}}, "labels is .*; list the classes"),
        ({"labels": ["cat", 5], "weights": "none"}, "label 1 is 5; give the names"),
        ({"labels": ["cat", " "], "weights": "none"}, "label 1 is ' '; give the names"),
        ({"labels": [("n1", "cat", "x")], "weights": "none"}, "label 0 is .*; give the names"),
        ({"resize": "squash"}, "resize 'squash' is not one of crop, stretch, pad"),
        ({"resize": ""}, "resize '' is not one of"),
        ({"backend": "theano"}, "backend 'theano' is not one of auto, openvino"),
        ({"backend": None}, "backend None is not one of"),
        ({"device": "tpu"}, "device 'tpu' is not auto, cpu, gpu or gpu:N"),
        ({"device": "gpu:-1"}, "device 'gpu:-1' is not"),
        ({"device": 0}, "device 0 is not"),
        ({"precision": "int1"}, "precision 'int1' is not one of float32"),
        ({"max_pixels": 0}, "max_pixels 0 is not a whole number from 1"),
        ({"max_pixels": 1e6}, r"max_pixels 1000000\.0 is not a whole number from 1"),
        ({"batch_size": 0}, "batch_size 0 is not a whole number from 1"),
        ({"batch_size": "32"}, "batch_size '32' is not a whole number from 1"),
        ({"batch_size": None}, "batch_size None is not"),
        ({"workers": -1}, "workers -1 is not a whole number from 1"),
        ({"workers": 2.5}, r"workers 2\.5 is not"),
        ({"cache_dir": 5}, "cache_dir is 5; give"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_once(options, message):
    with pytest.raises(UsageError, match=message):
        load_classifier(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k 0 is not a whole number from 1"),
        ({"top_k": 2.0}, r"top_k 2\.0 is not a whole number from 1"),
        ({"top_k": None}, "top_k None is not"),
        ({"threshold": 50}, "threshold 50 is not a number from 0 to 1"),
        ({"threshold": float("nan")}, "threshold nan is not a number from 0 to 1"),
        ({"threshold": "0.5"}, r"threshold '0\.5' is not"),
    ],
)
def test_what_is_asked_is_checked_before_the_first_picture(options, message):
    with pytest.raises(UsageError, match=message):
        load_classifier(engine=Brightest()).classify(PICTURES, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "imagenet.txt"}, "--labels imagenet.txt cannot go with --model .*/pets, which brings its own"),
        ({"labels": ["cats", "dogs"]}, "--labels cannot go with --model "),
        ({"labels": []}, "--labels cannot go with --model "),
        ({"weights": "/nowhere.h5"}, r"--weights /nowhere\.h5 cannot go with --model "),
        ({"weights": "imagenet"}, "--weights imagenet cannot go with --model "),
        ({"resize": ""}, "resize '' is not one of"),
    ],
)
def test_trained_classifier_brings_its_own_weights_and_labels(trained, options, message):
    with pytest.raises(UsageError, match=message):
        load_classifier(trained, **options)


def test_trained_classifier_is_what_its_folder_says(trained):
    class Unsure:
        def predict(self, squares):
            return np.tile(np.float32([0.6, 0.4]), (len(squares), 1))

    classifier = load_classifier(trained, engine=Unsure())
    assert (classifier.name, classifier.folder) == (str(trained), trained)
    assert classifier.transform.resize == "pad"
    assert load_classifier(trained, resize="crop").transform.resize == "crop"
    assert {label for _path, label in best(classifier)} == {"dogs"}  # its threshold decides
    (trained / "model.keras").unlink()
    with pytest.raises(UsageError, match=r"damaged: model\.keras is missing"):
        load_classifier(trained)


# ---- squares


@pytest.mark.parametrize("count", [0, 1, 4, 5, 11])
def test_predict_gives_the_scores_of_squares_batch_by_batch(count):
    engine = Brightest()
    squares = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 3), np.uint8).repeat(224, 1).repeat(224, 2)
    scores = load_classifier(engine=engine, batch_size=4).predict(squares)
    assert (scores.shape, scores.dtype) == ((count, 1000), np.float32)
    assert (scores.argmax(axis=1) == squares.mean(axis=(1, 2, 3)).astype(int)).all()
    assert engine.sizes == [4] * (count // 4) + [count % 4] * (count % 4 > 0)


@pytest.mark.parametrize(
    ("squares", "what"),
    [
        (np.zeros((2, 224, 224, 3)), r"and not float64 \[2, 224, 224, 3\]"),
        (np.zeros((224, 224, 3), np.uint8), r"and not uint8 \[224, 224, 3\]"),
        (np.zeros((2, 3, 224, 224), np.uint8), r"and not uint8 \[2, 3, 224, 224\]"),
        (np.zeros((1, 240, 240, 3), np.uint8), r"and not uint8 \[1, 240, 240, 3\]; classify takes pictures of any s"),
        ([np.zeros((224, 224, 3), np.uint8), np.zeros((9, 9, 3), np.uint8)], "and not|: .* inhomogeneous"),
        ([], "and not float64"),
        (None, "and not object"),
        (PICTURES[0], "and not <U"),
    ],
)
def test_predict_refuses_what_are_no_squares(squares, what):
    with pytest.raises(UsageError, match=rf"predict takes .*uint8 RGB \[N, 224, 224, 3\].*({what})"):
        load_classifier(engine=Brightest()).predict(squares)


# ---- a value


def test_classifier_is_a_value():
    one, other = load_classifier("EfficientNetLite0"), load_classifier(labels=[tuple(label) for label in LABELS])
    assert one == other
    assert len({one, other, load_classifier(resize="pad"), load_classifier(batch_size=7)}) == 3
    with pytest.raises(FrozenInstanceError):
        one.name = "other"
    assert "efficientnet_lite0" in repr(one)
    assert len(repr(one)) < 1000  # a notebook prints it


def test_other_runtime_gives_the_same_answers():
    classifier = load_classifier()
    variant = replace(classifier, runtime=Runtime("openvino", "cpu", batch_size=1, workers=1))
    assert variant != classifier
    assert replace(variant, runtime=classifier.runtime) == classifier
    assert best(variant) == pytest.approx(best(classifier), abs=1e-5)


def test_pickled_classifier_is_the_same_and_loads_for_itself():
    classifier = load_classifier("efficientnet_lite1")
    expected = best(classifier)  # it is loaded now
    data = pickle.dumps(classifier)
    assert len(data) < 100_000  # without its weights
    copy = pickle.loads(data)
    assert (copy, hash(copy)) == (classifier, hash(classifier))
    assert best(copy) == pytest.approx(expected, abs=1e-5)
    own = load_classifier(engine=Brightest())
    assert best(pickle.loads(pickle.dumps(own))) == best(own)


IMPORTS_NOTHING = """
import pickle, sys
from dataclasses import replace
from classifiers import load_classifier
from engines.runtime import Runtime
classifier = load_classifier("resnet50", backend="tensorflow")
{classifier, replace(classifier, runtime=Runtime()), pickle.loads(pickle.dumps(classifier))}
print(sorted({"numpy", "PIL", "keras", "tensorflow", "openvino"} & {*sys.modules}))
classifier.classify(["images/cat.png"])
print(sorted({"keras", "tensorflow", "openvino"} & {*sys.modules}))
"""


def test_nothing_heavy_is_imported_before_the_first_picture():
    finished = subprocess.run([sys.executable, "-c", IMPORTS_NOTHING], cwd=ROOT, capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("[]\n[]\n", "")


def test_random_weights_are_warned_of_once(caplog):
    caplog.set_level(logging.WARNING, "suite")
    classifier = load_classifier("mobilenet", weights="none", labels=["cat", "dog"], backend="openvino")
    assert caplog.text == ""
    assert len(best(classifier)) == len(best(classifier)) == 4
    assert caplog.text.count("mobilenet has random weights") == 1
