"""Views of pictures, and the store that keeps their features."""

import sqlite3

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image

from errors import ImageError, UsageError
from models import find_model
from networks import Network
from preprocess import read_square
from training.features import PLAIN, view_names
from training.options import AUGMENTATIONS
from training.store import FeatureStore
from training.views import make_view, read_view

NETWORK = Network((find_model("efficientnet_lite0"),))
TRANSFORM = NETWORK.transform()
CAT = IMAGES / "cat.png"


def view(name: str, augmentations: tuple[str, ...] = AUGMENTATIONS, resize: str = "crop") -> np.ndarray:
    return read_view(CAT, NETWORK.transform(resize), augmentations, name)


@pytest.mark.parametrize("resize", ["crop", "stretch", "pad"])
def test_view_is_the_same_for_the_same_name_and_another_for_another(resize):
    first = view("a", resize=resize)
    assert (first.shape, first.dtype) == ((224, 224, 3), np.uint8)
    assert np.array_equal(first, view("a", resize=resize))
    assert not np.array_equal(first, view("b", resize=resize))


def test_view_without_augmentations_is_what_is_classified():
    assert np.array_equal(view("a", ()), read_square(CAT, TRANSFORM))


def test_each_augmentation_changes_what_it_says():
    plain = view("", ())
    assert {np.array_equal(view(name, ("flip",)), plain[:, ::-1]) for name in "abcdef"} == {True, False}
    assert {np.array_equal(view(name, ("flip",)), plain) for name in "abcdef"} == {True, False}
    coloured = view("a", ("colour",)).astype(float)
    assert 1 < np.abs(coloured - plain).mean() < 40
    correlation = np.corrcoef(coloured.ravel(), plain.ravel())[0, 1]
    assert correlation > 0.95


def test_crops_show_at_least_half_of_the_picture():
    """A gradient from 0 to 255 to the right: what is cropped spans at least half of it, over many views."""
    image = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8)[:, None], (256, 1, 3)))
    rng = np.random.default_rng(0)
    spans = [np.ptp(make_view(image, TRANSFORM, ("crop",), rng)[0, :, 0].astype(int)) for _ in range(200)]
    assert min(spans) > 256 * np.sqrt(0.5 * 3 / 4) - 5
    assert max(spans) > 240


def test_tiny_and_unreadable_pictures(tmp_path):
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert read_view(tmp_path / "dot.png", TRANSFORM, AUGMENTATIONS, "a").shape == (224, 224, 3)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageError, match="the file is empty"):
        read_view(tmp_path / "empty.jpg", TRANSFORM, AUGMENTATIONS, "a")


def test_view_names():
    assert view_names((), 4) == [PLAIN]
    assert view_names(("flip", "crop"), 2) == [PLAIN, "flip+crop 1", "flip+crop 2"]


def test_store_keeps_features_for_the_next_run(tmp_path):
    path = tmp_path / "new" / "features.sqlite"
    vectors = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
    store = FeatureStore(path)
    store.add([(("aa", PLAIN), vectors[0]), (("aa", "flip 1"), vectors[1])])
    store.close()
    store = FeatureStore(path)
    assert np.array_equal(store.get(("aa", "flip 1")), vectors[1])
    assert store.missing([("aa", PLAIN), ("bb", PLAIN), ("bb", PLAIN)]) == [("bb", PLAIN)]
    store.close()


def test_damaged_rows_and_files_are_computed_anew(tmp_path):
    path = tmp_path / "features.sqlite"
    store = FeatureStore(path)
    store.add([(("aa", PLAIN), np.ones(5, np.float32))])
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE features SET vector = zeroblob(20)")
    connection.close()
    store = FeatureStore(path)
    assert store.missing([("aa", PLAIN)]) == [("aa", PLAIN)]
    store.close()
    path.write_bytes(b"not a database at all" * 100)
    store = FeatureStore(path)
    assert store.get(("aa", PLAIN)) is None
    store.close()


def test_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"features cannot be kept in .*--cache-dir"):
        FeatureStore(tmp_path / "file" / "features.sqlite")
