"""Trained classifiers: the same numbers from every engine and every save, and nothing but numbers is loaded."""

import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import IMAGES, ROOT, engine_for
from PIL import Image

from classifiers.folder import TrainedFolder, read_trained, write_trained
from errors import UsageError
from models import MODELS, find_model
from networks import Head, Network
from networks.applications import build_network
from networks.torch_checkpoint import read_checkpoint
from networks.trained import (
    backbone_networks,
    build_features,
    build_head,
    join_head,
    made_smaller,
    save_classifier,
    shrinking_matrix,
    without_rescaling,
)
from networks.weights_package import find_weights
from preprocess import read_square
from transforms import Transform

PICTURES = sorted(str(path) for path in IMAGES.iterdir())
LITE = find_model("efficientnet_lite0")
NAMES = ["Kätzchen", "猫", "dog"]


def features_of(*names) -> Network:
    return Network(tuple(find_model(name) for name in names))


def with_head(head, *names) -> Network:
    return Network(features_of(*names).backbones, len(NAMES), head)


def squares_for(transform: Transform) -> np.ndarray:
    return np.stack([read_square(path, transform) for path in PICTURES])


def trained_engine(trained: TrainedFolder, **runtime):
    return engine_for(trained.network, trained.weights, **runtime)


def build_classifier(network, weights):
    """A classifier whose answers differ between pictures."""
    features = build_features(network, weights)
    top = build_head(features.output_shape[-1], network.classes, network.head)
    rng = np.random.default_rng(0)
    kernels = [value for value in top.get_weights() if value.ndim == 2]
    top.set_weights(
        [part for value in kernels for part in (rng.standard_normal(value.shape) * 2 / len(value) ** 0.5, 0 * value[0])]
    )
    return join_head(features, top)


def make_folder(folder, network, weights="imagenet", resize="crop") -> TrainedFolder:
    folder.mkdir()
    save_classifier(build_classifier(network, weights), network, folder / "model.keras")
    return write_trained(folder, network, NAMES, network.transform(resize), "0.0.0")


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    """A trained model, on EfficientNet-Lite0 with its real weights."""
    network = with_head(Head("linear", dropout=0.2), LITE.name)
    return make_folder(tmp_path_factory.mktemp("lite") / "pets", network, resize="pad")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where its compiled model is kept, so that it is built once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def lite_scores(lite, cache):
    """Its probabilities, with its own way to resize."""
    return trained_engine(lite, cache_dir=cache).predict(squares_for(lite.transform))


@pytest.fixture
def copy(lite, tmp_path):
    return shutil.copytree(lite.folder, tmp_path / "copy")


def test_features_are_what_the_last_layer_takes():
    """So they give the whole network's probabilities with its own last layer."""
    squares = squares_for(features_of(LITE.name).transform())
    features = engine_for(features_of(LITE.name)).predict(squares)
    kernel, bias = list(read_checkpoint(find_weights(LITE.weights_package)).values())[-2:]
    logits = features @ kernel.T + bias
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert features.dtype == np.float32
    np.testing.assert_allclose(probabilities, engine_for(LITE).predict(squares), atol=1e-5)


def test_shrinking_is_pillows():
    wide = np.asarray(Image.open(PICTURES[1]).convert("L").resize((299, 299)))
    expected = np.asarray(Image.fromarray(wide).resize((224, 224), Image.Resampling.BILINEAR))
    matrix = shrinking_matrix(299, 224)
    assert np.abs(matrix.T @ wide @ matrix - expected).max() <= 1  # Pillow rounds after each direction


def test_rescaling_that_efficientnet_has_for_imagenet_weights_goes_into_its_normalization(monkeypatch):
    """Only the download, the weights and most of the network are left out."""
    from keras.src.applications import efficientnet

    def small(**options):
        blocks = efficientnet.DEFAULT_BLOCKS_ARGS[:1]
        return efficientnet.EfficientNet(1, 1, 224, blocks_args=blocks, weights_name="b0", **options)

    monkeypatch.setattr(keras.applications, "EfficientNetB0", small)
    monkeypatch.setattr(efficientnet.file_utils, "get_file", lambda *_args, **_options: "weights.h5")
    monkeypatch.setattr("keras.Model.load_weights", lambda *_args, **_options: None)
    spec = find_model("efficientnet_b0")
    network = build_network(spec, "imagenet")
    normalization, rescaling = network.layers[2:4]
    assert isinstance(rescaling, keras.layers.Rescaling)
    normalization.set_weights([np.float32([0.5, 0.4, 0.3]), np.float32([0.04, 0.05, 0.06]), np.int32(1)])
    normalization.finalize_state()
    plain = without_rescaling(network, spec)
    assert len(plain.layers) == len(network.layers) - 1
    colors = np.float32([[[[0, 0.5, 1], [0.1, 0.4, 0.8]]]])
    np.testing.assert_allclose(plain.layers[2](colors), rescaling(normalization(colors)), rtol=1e-5)


PROGRAM = """
import sys
import numpy as np
from engines import load_engine, use_keras_backend
from engines.runtime import Runtime
use_keras_backend("tensorflow")
import keras
from classifiers.folder import read_trained
from models import find_model
from networks import Network
from networks.trained import build_features, made_smaller
trained, pixels = read_trained(sys.argv[1]), np.load("pixels.npy")
plain = keras.saving.load_model(trained.weights.source, safe_mode=True)
engine = load_engine(trained.network, trained.weights, Runtime("tensorflow", "cpu"))
scores = [engine.predict(pixels), plain(pixels, training=False)]
np.save("scores.npy", scores)
np.save("smaller.npy", made_smaller(keras.ops.cast(pixels, "float32"), 99, "any"))
np.savez("random.npz", *build_features(Network((find_model("mobilenet"),)), "none").get_weights())
"""


def test_tensorflow_and_plain_keras_compute_the_same(lite, lite_scores, tmp_path):
    """As OpenVINO: scores of a saved model, the resizing for a smaller backbone, and random weights."""
    pixels = squares_for(lite.transform)
    np.save(tmp_path / "pixels.npy", pixels)
    program = [sys.executable, "-c", PROGRAM, lite.folder]
    subprocess.run(program, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    assert np.ptp(lite_scores, axis=0).max() > 0.1
    for scores in np.load(tmp_path / "scores.npy"):
        np.testing.assert_allclose(scores, lite_scores, atol=1e-5)
    smaller = made_smaller(keras.ops.convert_to_tensor(pixels.astype("float32")), 99, "any")
    np.testing.assert_allclose(np.load(tmp_path / "smaller.npy"), smaller, atol=1e-3)  # of 255
    network = build_features(features_of("mobilenet"), "none", "channels_first")
    for theirs, value in zip(np.load(tmp_path / "random.npz").values(), network.weights, strict=True):
        if theirs.ndim > 1:
            np.testing.assert_array_equal(theirs, value)


def test_joined_backbones_look_at_one_picture_in_their_own_sizes(tmp_path):
    names = "efficientnet_lite1", "efficientnet_lite0"
    trained = make_folder(tmp_path / "pets", with_head(Head("mlp", 16, 0.5), *names))
    pixels = squares_for(trained.transform)
    features = engine_for(features_of(*names)).predict(pixels)
    small = engine_for(features_of("efficientnet_lite0"))
    matrix = shrinking_matrix(240, 224)
    shrunk = np.einsum("nijc,ih,jw->nhwc", pixels, matrix, matrix, optimize=True).round().astype(np.uint8)
    assert np.corrcoef(features[:, 1280:].ravel(), small.predict(shrunk).ravel())[0, 1] > 0.99  # whole colours there
    with h5py.File(zipfile.ZipFile(trained.weights.source).open("model.weights.h5")) as file:
        hidden, last = (file[f"layers/functional_1/layers/{name}/vars/0"][:] for name in ("dense", "dense_1"))
    logits = np.maximum(0, features @ hidden) @ last
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(trained_engine(trained).predict(pixels), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_backbone_can_be_saved_and_opened_again(name, tmp_path):
    """By the suite, and by plain Keras without trust in the file."""
    trained = make_folder(tmp_path / "folder", with_head(Head(), name), weights="none")
    pixels = squares_for(trained.transform)[:1]
    plain = keras.saving.load_model(trained.weights.source, safe_mode=True)
    scores = trained_engine(trained).predict(pixels)
    np.testing.assert_allclose(np.asarray(plain.predict_on_batch(pixels)), scores, atol=1e-4)


def test_same_weights_make_the_same_file(lite, tmp_path):
    """Whatever was built before in the process."""
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    save_classifier(build_classifier(lite.network, "imagenet"), lite.network, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == (lite.folder / "model.keras").read_bytes()
    assert os.listdir(tmp_path) == ["again.keras"]


def test_parts_go_on_living_in_the_whole(lite):
    features, head = build_features(lite.network, "none"), build_head(1280, 3, Head("linear"))
    classifier = join_head(features, head)
    assert classifier.weights[-1] is head.layers[-1].bias
    assert [network.name for network in backbone_networks(classifier)] == ["efficientnet_lite0"]
    assert backbone_networks(classifier) == backbone_networks(features)


def rewrite(trained, **members):
    """Replace parts of a folder's model.keras, and sign the folder again as whoever did this would."""
    with zipfile.ZipFile(trained.weights.source) as file:
        parts = {name: file.read(name) for name in file.namelist()} | members
    with zipfile.ZipFile(trained.weights.source, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    write_trained(trained.folder, trained.network, NAMES, trained.transform, "0.0.0")


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_folder_is_executed(lite_scores, copy, tmp_path):
    marker = tmp_path / "executed"
    trap = keras.layers.Lambda(lambda x, path: [open(path, "w").close(), x][1], arguments={"path": str(marker)})
    inputs = keras.Input((3,))
    keras.Model(inputs, trap(inputs)).save(tmp_path / "trap.keras")
    marker.unlink()
    with zipfile.ZipFile(tmp_path / "trap.keras") as file:
        config = file.read("config.json")
    keras.saving.load_model(tmp_path / "trap.keras", safe_mode=False)
    marker.unlink()  # or the trap is harmless and the test of it worthless
    pickled = pickle.dumps(Bomb(marker))
    rewrite(read_trained(copy), **{"config.json": config, "model.weights.npz": pickled, "assets/data.pkl": pickled})
    trained = read_trained(copy)
    scores = trained_engine(trained).predict(squares_for(trained.transform))
    np.testing.assert_array_equal(scores, lite_scores)
    assert not marker.exists()


def test_model_that_was_changed_is_refused_with_its_compiled_copy_in_the_cache(copy, tmp_path):
    trained_engine(read_trained(copy), cache_dir=tmp_path / "cache")
    data = bytearray((copy / "model.keras").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "model.keras").write_bytes(data)
    with pytest.raises(UsageError, match=r"damaged: model\.keras is not the file"):
        trained_engine(read_trained(copy), cache_dir=tmp_path / "cache")


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras warns before it raises
def test_weights_of_another_head(copy):
    network = with_head(Head("mlp", 16), LITE.name)
    trained = write_trained(copy, network, NAMES, network.transform(), "0.0.0")
    with pytest.raises(UsageError, match=r"do not fit efficientnet_lite0 with a head 'mlp' for 3 classes: .*shape"):
        trained_engine(trained)


def test_folder_names_its_own_classes_with_its_own_preprocessing(classify, lite, lite_scores, cache):
    finished = classify("-i", PICTURES[2], "-m", lite.folder, "--cache-dir", cache, PYTHONIOENCODING="utf-8")
    assert (finished.returncode, finished.stderr) == (0, "")
    scores = lite_scores[2]
    expected = [f"{rank}. {NAMES[index]}: {scores[index]:.2%}" for rank, index in enumerate(np.argsort(-scores), 1)]
    assert finished.stdout.splitlines() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "l.txt"], "error: --labels l.txt cannot go with --model "),
        (["--weights", "none"], "error: --weights none cannot go with --model "),
    ],
)
def test_folder_brings_its_own_weights_and_labels(arguments, message, classify, lite):
    finished = classify("-i", PICTURES[0], "-m", lite.folder, *arguments, PYTHONPROFILEIMPORTTIME="1")
    assert finished.returncode == 2
    assert f"{message}{lite.folder}, which brings its own" in finished.stderr
    imported = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"keras", "openvino", "tensorflow", "numpy", "PIL"}


def test_damaged_folder_is_refused_in_an_instant(classify, copy):
    os.truncate(copy / "model.keras", 1000)
    finished = classify("-i", PICTURES[0], "-m", copy)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert f"error: argument -m/--model: the model {copy} is damaged: model.keras has 1,000 bytes" in finished.stderr


@pytest.mark.slow
def test_trained_model_is_measured_beside_plain_keras(run, lite):
    options = ["--repeats", 1, "--count", 4, "--backend", "openvino", "tensorflow", "--format", "jsonl"]
    finished = run("benchmark_models.py", "-m", lite.folder, *options)
    assert finished.returncode == 0, finished.stderr
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    assert {(row["weights"], row["error"]) for row in rows} == {("trained", "")}
    assert [row["agreement"] for row in rows if row["way"] == "suite"] == [1, 1]
