"""Near-duplicates of validation and test pictures among those that are trained on."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from conftest import IMAGES
from PIL import ImageOps

from classifiers.manifest import Picture
from engines.runtime import Runtime
from models import MODELS
from networks import Network
from networks.weights import Weights
from preprocess import read_image
from sources.splits import TEST, TRAIN, VALIDATION
from training.features import PLAIN, FeatureSet
from training.leaks import find_leaks, report_leaks, without
from training.store import FeatureStore

SPLITS = {"cat.png": TEST, "half.jpg": TRAIN, "mirrored.jpg": VALIDATION, "coffee.png": TRAIN, "rocket.jpg": TEST}


@pytest.fixture
def data(tmp_path):
    """A folder with a cat in three splits, and other pictures."""
    for name in ("cat.png", "coffee.png", "rocket.jpg"):
        (tmp_path / name).write_bytes((IMAGES / name).read_bytes())
    cat = read_image(IMAGES / "cat.png")
    cat.resize((cat.width // 2, cat.height // 2)).save(tmp_path / "half.jpg")
    ImageOps.mirror(cat).save(tmp_path / "mirrored.jpg")
    return tmp_path


@pytest.fixture
def features(tmp_path):
    """Features that all are alike, so that pixels have to decide."""
    network = Network((MODELS["efficientnet_lite0"],))
    runtime = Runtime("openvino", workers=2)
    made = FeatureSet(network, Weights("imagenet"), network.transform(), runtime, (), tmp_path / "cache")
    store = FeatureStore(made.alone[0].store)
    rng = np.random.default_rng(0)
    store.add([((name, PLAIN), rng.normal(5, 1, 1280).astype(np.float32)) for name in SPLITS])
    store.close()
    return made


PICTURES = [Picture(name, "all", split, digest=name) for name, split in SPLITS.items()]


def test_near_duplicates_in_later_splits_are_found(data, features):
    leaks = find_leaks(str(data), features, PICTURES)
    assert {one.path for one in leaks} == {"half.jpg", "mirrored.jpg"}
    assert leaks[PICTURES[2]] == PICTURES[0]
    left = [picture for picture in without(PICTURES, leaks) if picture.skipped]
    assert [picture.path for picture in left] == ["half.jpg", "mirrored.jpg"]
    assert left[1].skipped == "cat.png in test is nearly the same"


def test_what_is_left_out_already_does_not_count(data, features):
    pictures = [replace(picture, skipped="why not") if picture.path == "cat.png" else picture for picture in PICTURES]
    assert {one.path: two.path for one, two in find_leaks(str(data), features, pictures).items()} == {
        "half.jpg": "mirrored.jpg"
    }
    assert find_leaks(str(data), features, [replace(picture, split=TRAIN) for picture in PICTURES]) == {}


def test_a_picture_that_has_gone_is_no_duplicate(data, features):
    (data / "half.jpg").unlink()
    assert [one.path for one in find_leaks(str(data), features, PICTURES)] == ["mirrored.jpg"]


def test_leaks_are_counted_and_named(caplog):
    half, cat = PICTURES[1], PICTURES[0]
    report_leaks({replace(half, path=f"{number}.jpg"): cat for number in range(5)})
    assert "hint: 5 pictures of train are nearly the same as pictures of test" in caplog.text
    assert "(0.jpg of cat.png, 1.jpg of cat.png, 2.jpg of cat.png, ...); --deduplicate leaves them out" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--deduplicate"]])
def test_training_says_it_or_leaves_them_out(run, tmp_path, options):
    data = tmp_path / "data"
    for label, name in (("cats", "cat.png"), ("cups", "coffee.png")):
        image = read_image(IMAGES / name)
        for split, turns in (("train", (0, 40, 80, 120)), ("validation", (160, 200)), ("test", (240,))):
            (data / split / label).mkdir(parents=True)
            for turn in turns:
                image.rotate(turn).save(data / split / label / f"{turn}.png")
    read_image(data / "test" / "cats" / "240.png").resize((300, 200)).save(data / "train" / "cats" / "leak.jpg")
    finished = run("train_classifier.py", "--data", data, "--output", tmp_path / "run", *options)
    assert finished.returncode == 0, finished.stderr
    with open(tmp_path / "run" / "manifest.csv", encoding="utf-8", newline="") as file:
        skipped = {row["path"] for row in csv.DictReader(file) if row["skipped"]}
    assert skipped == ({"train/cats/leak.jpg"} if options else set())
    assert ("hint: 1 pictures of train are nearly the same as pictures of test" in finished.stderr) == (not options)
