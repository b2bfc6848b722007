"""What the file of a Keras model of one's own says of it: what is read off it, and what is refused."""

import json
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import IMAGES
from keras import layers

from classifiers import load_classifier
from errors import UsageError
from networks.applications import tensorflow_not_imported
from networks.own import read_own, with_preprocess
from networks.own_file import read_config

CAT = str(IMAGES / "cat.png")


@pytest.fixture
def save(tmp_path):
    """Save the description of a model, without weights, and return the file's path."""

    def save_description(model, **changes):
        path = tmp_path / "mine.keras"
        text = model if isinstance(model, str) else json.dumps(keras.saving.serialize_keras_object(model))
        for old, new in changes.items():
            assert f'"{old}"' in text
            text = text.replace(f'"{old}"', json.dumps(new))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
        return str(path)

    return save_description


def keras_2(kind, source, **config):
    """A layer as Keras 2 describes it; `source` is [name, call, tensor, options]."""
    name = config.setdefault("name", kind.lower())
    layer = {"class_name": kind, "config": {"trainable": True, "dtype": "float32"} | config, "name": name}
    return layer | {"inbound_nodes": [] if source is None else [[source]]}


def test_description_of_keras_2(tmp_path):
    """With what Keras 3 does not open: a model in a model, operations of TensorFlow, and words that are gone."""
    size = [None, 8, 8, 3]
    inside = [
        keras_2("InputLayer", None, name="in", batch_input_shape=size),
        keras_2("DepthwiseConv2D", ["in", 0, 0, {}], kernel_size=[3, 3], groups=1),
    ]
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["depthwiseconv2d", 0, 0]]}
    divide = keras_2("TFOpLambda", None, name="tf.math.truediv", function="math.truediv")
    model = [
        keras_2("InputLayer", None, name="pixels", batch_input_shape=size),
        keras_2("RandomFlip", ["pixels", 0, 0, {}], rng_type="stateful"),
        divide | {"inbound_nodes": [["randomflip", 0, 0, {"y": 127.5, "name": None}]]},
        keras_2("Functional", ["tf.math.truediv", 0, 0, {"training": False}], name="base", layers=inside, **ends),
        keras_2("GlobalAveragePooling2D", ["base", 1, 0, {}], name="pool"),
        keras_2("Dense", ["pool", 0, 0, {}], units=2, activation="softmax"),
    ]
    ends = {"input_layers": [["pixels", 0, 0]], "output_layers": [["dense", 0, 0]]}
    text = json.dumps({"class_name": "Functional", "config": {"name": "model", "layers": model, **ends}})
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file.attrs["model_config"] = text
    assert read_own(str(tmp_path / "mine.h5")).outline.first == "RandomFlip → Rescaling → DepthwiseConv2D"
    built = keras.saving.deserialize_keras_object(read_config(str(tmp_path / "mine.h5")))
    assert built.output_shape == (None, 2)
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file.attrs["model_config"] = text.replace("math.truediv", "nn.bias_add")
    with pytest.raises(UsageError, match=r"holds the TensorFlow operation nn\.bias_add, as preprocess_input leaves it"):
        read_own(str(tmp_path / "mine.h5"))


def dense(*first, **options):
    """A model that ends in 3 classes."""
    return keras.Sequential([keras.Input(options.get("shape", (8, 8, 3))), *first, layers.Dense(3)])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Flatten": "TFSMLayer"}, "TFSMLayer 'flatten' runs a TensorFlow graph of another folder"),
        ({"Flatten": "TorchModuleWrapper"}, "unpickles PyTorch code"),
        ({"Flatten": "StringLookup"}, "reads other files"),
        ({"keras.layers": "os"}, "class InputLayer is not Keras's own"),
        ({"keras.layers": "keras.src.utils.file_utils"}, "is not Keras's own"),
        ({"keras.layers": "keras.layers.os"}, "is not Keras's own"),
        ({"linear": {"class_name": "function", "config": "system", "module": "os"}}, "function 'system' is not"),
        ({"linear": {"class_name": "__lambda__", "config": {}}}, "runs code that is in the file"),
        ({"GlorotUniform": "Mine>Init"}, "class Mine>Init is not Keras's own"),
        ({"Flatten": "NoSuchLayer"}, None),
        ({"Flatten": 5}, "does not describe a model: the class 5 is no name"),
    ],
)
def test_description_that_names_more_than_layers(changes, reason, save):
    path = save(dense(layers.Flatten(name="flatten")), **changes)
    if reason is None:  # what Keras does not know is found when it is built
        classifier = load_classifier(path, preprocess="none")
        with pytest.raises(UsageError, match=r"cannot be built: .*NoSuchLayer"):
            classifier.predict(np.zeros((1, 8, 8, 3), np.uint8))
        return
    with pytest.raises(UsageError, match=reason):
        read_own(path)


def test_what_training_needs_is_not_looked_at(save):
    model = dense(layers.Flatten())
    model.compile(loss="mse")
    config = keras.saving.serialize_keras_object(model)
    config["compile_config"] = {"class_name": "Evil", "module": "os", "config": {}}
    assert "compile_config" not in read_config(save(json.dumps(config)))


def two_inputs():
    first, second = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model([first, second], layers.Dense(3)(layers.Flatten()(layers.Add()([first, second]))))


def two_outputs():
    first = keras.Input((8, 8, 3))
    return keras.Model(first, [layers.Dense(3)(layers.Flatten()(first)), layers.Dense(2)(layers.Flatten()(first))])


def ending_in(*last, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *last])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (two_inputs, "has 2 inputs; a classifier takes one picture"),
        (two_outputs, "has 2 outputs; a classifier takes one picture"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), shape=(8, 6, 3)), "8 x 6 pixels; only squares"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), shape=(3, 8, 8)), "takes channels first"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), shape=(8, 8, 4)), "which is no picture"),
        (lambda: ending_in(layers.Dense(3), shape=(8,)), "which is no picture"),
        (
            lambda: ending_in(layers.GlobalAveragePooling2D(), layers.Dense(3), shape=(None, None, 3)),
            "takes pictures of any size",
        ),
        (
            lambda: ending_in(layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()),
            "Conv2D with relu",
        ),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), layers.UnitNormalization()), "ends in UnitNormalization"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3, activation="tanh")), "ends in Dense with tanh"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(1, activation="softmax")), "which is always 1"),
        (lambda: ending_in(layers.Flatten()), "has no Dense layer"),
        (lambda: keras.Sequential([layers.Flatten(), layers.Dense(3)]), "has never been built"),
    ],
)
def test_model_that_is_no_classifier_of_pictures(make, reason, save):
    with pytest.raises(UsageError, match=reason):
        read_own(save(make()))


@pytest.mark.parametrize(
    "text", ["", "5", "[]", "{}", '{"class_name": "Functional"}', "[" * 100_000,
             '{"class_name": "Sequential", "config": []}',
             '{"class_name": "Functional", "config": {"layers": [], "output_layers": [["x", 0, 0]]}}',
             '{"class_name": "Functional", "config": {"layers": [{"name": "x", "inbound_nodes": [[["x", 0, 0, {}]]]}], '
             '"output_layers": [["x", 0, 0]]}}', "\x00", '{"class_name": "Sequential", "config": {"layers": [5]}}'],
)  # fmt: skip
def test_description_that_is_none(text, save):
    with pytest.raises(UsageError, match=r"mine\.keras"):
        read_own(save(text))


def test_map_of_scores_is_no_answer(save):
    """What cannot be seen before it is built is said then."""
    path = save(ending_in(layers.Conv2D(3, 1)))
    with pytest.raises(UsageError, match=r"mine\.keras"):
        load_classifier(path, preprocess="none").predict(np.zeros((1, 8, 8, 3), np.uint8))


def test_files_of_weights(tmp_path):
    with pytest.raises(UsageError, match=r"no such file: nowhere\.keras"):
        load_classifier("nowhere.keras")
    (tmp_path / "empty.h5").touch()
    with pytest.raises(UsageError, match="is empty"):
        load_classifier(tmp_path / "empty.h5")


def test_pixels_of_8_bits_are_taken_as_they_come(save):
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    path = save(keras.Model(pixels, layers.Dense(3)(layers.Flatten()(keras.ops.cast(pixels, "float32")))))
    assert with_preprocess(read_own(path), None).preprocess == "inside"


def test_model_of_imagenets_classes_gets_its_labels(save):
    path = save(ending_in(layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1000)))
    assert load_classifier(path).labels[7].label == "cock"
    assert with_preprocess(read_own(path), None).preprocess == "inside"


@pytest.mark.parametrize("ending", ["keras", "h5", "hdf5"])
def test_preprocess_input_of_keras_3_inside_a_model(ending, tmp_path):
    """Of a network that takes BGR; and the input and the output have names, as in {"image": pixels}."""
    pixels = keras.Input((8, 8, 3), name="image")
    row = layers.Flatten()(keras.applications.resnet50.preprocess_input(pixels))
    model = keras.Model({"image": pixels}, {"kind": layers.Dense(3, activation="softmax", name="kind")(row / 255)})
    path = tmp_path / f"mine.{ending}"
    with tensorflow_not_imported(), warnings.catch_warnings(action="ignore"):  # that .h5 is old
        model.save(path)
    squares = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    expected = keras.ops.convert_to_numpy(model({"image": squares.astype("float32")})["kind"])
    np.testing.assert_allclose(load_classifier(path, use_cache=False).predict(squares), expected, atol=1e-4)


def test_class_of_ones_own_around_all_layers(save):
    with pytest.raises(UsageError, match="class Mine is not Keras's own"):
        read_own(save('{"class_name": "Mine", "config": {}, "registered_name": "Mine"}'))


@pytest.mark.parametrize("window", [2, 3])
def test_heat_of_a_map_that_is_pooled_and_flattened(window, tmp_path):
    """As VGG16 and a Flatten layer: the parts of it that OpenVINO computes channels first fit the others."""
    model = dense(
        layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(window, 2, padding="same"),
        layers.Flatten(), layers.Dense(8, activation="relu"),
    )  # fmt: skip
    with tensorflow_not_imported():
        model.save(tmp_path / "mine.keras")
    classifier = load_classifier(tmp_path / "mine.keras", preprocess="0..1", use_cache=False)
    explanations = [classifier.explain(CAT, label, method="grad-cam") for label in "012"]
    assert max(one.map.max() for one in explanations) > 0.9
