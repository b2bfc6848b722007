"""Keras models of one's own as backbones: where they are cut, and what comes out there."""

import keras
import numpy as np
import pytest
from conftest import engine_for
from keras import layers

from errors import UsageError
from networks import Network
from networks.applications import tensorflow_not_imported
from networks.own import read_backbone, told_apart

DENSE, GAP = layers.Dense, layers.GlobalAveragePooling2D


def conv(units=4, **options):
    return layers.Conv2D(units, 3, activation="relu", **options)


def two_pools():
    inputs = keras.Input((8, 8, 3))
    x = conv()(inputs)
    return keras.Model(inputs, DENSE(3)(layers.Concatenate(name="both")([GAP()(x), layers.GlobalMaxPooling2D()(x)])))


def tokens():
    """A transformer in small: patches, and a dense layer for each of them."""
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Reshape((4, 16))(layers.Conv2D(16, 4, strides=4)(x))
    x = layers.Flatten(name="row")(layers.LayerNormalization()(DENSE(8, activation="gelu")(x)))
    return keras.Model(inputs, DENSE(3, activation="softmax")(DENSE(8, activation="relu")(x)))


def head_in_a_model():
    head = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5), DENSE(8, activation="relu"), DENSE(3)])
    return keras.Sequential([keras.Input((8, 8, 3)), conv(), GAP(name="mean"), head])


def chain(*those):
    return lambda: keras.Sequential([keras.Input((8, 8, 3)), *(make() for make in those)])


#    how it is made, what gives the features, their number, operations above them, and how it is explained
MODELS = {
    "pooled": (chain(conv, lambda: GAP(name="mean"), lambda: DENSE(3, activation="softmax")), "mean", 4, 1, "cam"),
    "several dense": (
        chain(
            conv, lambda: GAP(name="mean"), layers.BatchNormalization, lambda: DENSE(16), layers.ReLU,
            lambda: layers.Dropout(0.5), lambda: DENSE(1), lambda: layers.Activation("sigmoid"),
        ),
        "mean", 4, 5, "cam",
    ),
    "flat": (chain(conv, lambda: layers.Flatten(name="row"), lambda: DENSE(3)), "row", 144, 1, "grad-cam"),
    "flat and large": (
        chain(lambda: conv(200), lambda: layers.Flatten(name="row"), lambda: DENSE(3)), "row", 200, 1, "grad-cam"
    ),
    "largest": (
        chain(conv, lambda: layers.GlobalMaxPooling2D(name="most"), lambda: DENSE(3)), "most", 4, 1, "occlusion"
    ),
    "convolutions only": (
        chain(lambda: conv(name="last"), lambda: layers.Conv2D(3, 1), GAP, layers.Softmax), "last", 4, 3, "cam"
    ),
    "a map": (chain(conv, layers.BatchNormalization, lambda: layers.ReLU(name="on")), "on", 4, 0, "cam"),
    "a row": (chain(conv, lambda: GAP(name="mean")), "mean", 4, 0, "cam"),
    "joined": (two_pools, "both", 8, 1, "occlusion"),
    "a head in a model": (head_in_a_model, "mean", 4, 2, "cam"),
    "tokens": (tokens, "row", 32, 2, "occlusion"),
}  # fmt: skip


@pytest.fixture
def save(tmp_path):
    """Save a model, and return the file's path."""

    def save_model(model, name="mine.keras"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with tensorflow_not_imported():
            model.save(path)
        return str(path)

    return save_model


def backbone(path, preprocess="0..1"):
    (spec,) = told_apart([read_backbone(path)], preprocess)
    return spec


@pytest.mark.parametrize("name", MODELS)
def test_features_are_what_the_last_layers_take(name, save):
    make, layer, size, above, explained = MODELS[name]
    keras.utils.clear_session()
    model = make()
    spec = backbone(save(model))
    assert (f"'{layer}'" in spec.note, spec.outline.tail, spec.outline.explained) == (True, above, explained)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    features = engine_for(Network((spec,))).predict(pixels)
    expected = keras.ops.convert_to_numpy(
        keras.Model(model.inputs[0], model.get_layer(layer).output)(pixels / np.float32(255))
    )
    if features.size < expected.size:
        expected = expected.reshape(1, -1, features.size).mean(axis=1)
    assert features.shape == (1, size)
    np.testing.assert_allclose(features, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            chain(lambda: layers.Flatten(name="row"), lambda: DENSE(8, activation="relu"), lambda: DENSE(3)),
            "cannot be a backbone: Flatten 'row' is all that lies below its dense layers",
        ),
        (
            lambda: keras.Sequential([keras.Input((8, 6, 3)), layers.Flatten(), DENSE(3)]),
            "8 x 6 pixels; only squares are taken",
        ),
    ],
)
def test_end_that_gives_no_features(make, reason, save):
    with pytest.raises(UsageError, match=reason):
        read_backbone(save(make()))


def test_rows_of_tokens_are_no_features(save):
    """Which cannot be seen before it is built."""
    spec = backbone(save(chain(conv, lambda: layers.Reshape((36, 4), name="tokens"))()))
    with pytest.raises(UsageError, match=r"Reshape 'tokens' gives \(None, 36, 4\) for a picture"):
        engine_for(Network((spec,)))


def test_files_of_one_name_are_told_apart(save):
    paths = [save(MODELS["pooled"][0](), name) for name in ("1/best.keras", "2/best.keras")]
    found = told_apart([*map(read_backbone, paths), read_backbone("resnet50")], "none")
    assert [spec.name for spec in found] == ["best.keras", "best.keras_2", "resnet50"]
    with pytest.raises(UsageError, match=r"the backbone best\.keras is given twice"):
        Network(told_apart([read_backbone(paths[0])] * 2, "none"))


@pytest.mark.parametrize(("name", "known"), [("größe 1.keras", "gr__e_1.keras"), ("_.keras", "keras")])
def test_names_are_such_as_layers_can_have(name, known, save):
    assert read_backbone(save(MODELS["pooled"][0](), name)).name == known
