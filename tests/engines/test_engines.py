"""Engines give Keras's own numbers, on every backend."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import IMAGES, ROOT, engine_for

from engines import choose_backend
from engines.keras_engine import KerasEngine
from errors import UsageError
from models import MODELS, find_model
from networks import Network
from networks.applications import build_model
from networks.openvino_graph import CHANNELS_LAST_ONLY, build_graph
from networks.weights import Weights
from preprocess import read_square

PICTURES = sorted(str(path) for path in IMAGES.iterdir() if path.stem != "rocket")  # Keras ignores its Adobe RGB
TUTORIAL_MODELS = ("resnet50", "xception")  # the two ways in which the five prepare their pictures
OTHER_TUTORIAL_MODELS = ("vgg16", "vgg19", "inception_v3")
OTHER_BACKENDS = [
    pytest.param(name, marks=pytest.mark.skipif(not importlib.util.find_spec(name), reason=f"{name} is not installed"))
    for name in ("tensorflow", "jax", "torch")
]


def squares_for(spec, pictures=PICTURES, resize="crop") -> np.ndarray:
    transform = Network((spec,)).transform(resize)
    return np.stack([read_square(path, transform) for path in pictures])


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the folder with weights and probabilities of plain Keras applications on TensorFlow."""
    folders = {}

    def reference_of(names: tuple[str, ...]) -> Path:
        if names not in folders:
            folders[names] = tmp_path_factory.mktemp("reference")
            specs = [find_model(name) for name in names]
            models = ",".join(f"{spec.module}:{spec.class_name}:{spec.input_size}" for spec in specs)
            command = [sys.executable, "tests/plain_keras.py", folders[names], models, *PICTURES]
            subprocess.run(command, cwd=ROOT, check=True)
        return folders[names]

    yield reference_of
    for folder in folders.values():  # gigabytes
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("name", "group"),
    [(name, TUTORIAL_MODELS) for name in TUTORIAL_MODELS]
    + [pytest.param(name, OTHER_TUTORIAL_MODELS, marks=pytest.mark.slow) for name in OTHER_TUTORIAL_MODELS],
)
def test_scores_are_those_of_the_plain_keras_call(name, group, reference):
    """With the tutorials' resize; another preprocess_input must not pass unnoticed."""
    spec, folder = find_model(name), reference(group)
    expected = np.load(folder / f"{spec.class_name}.npy")
    engine = engine_for(spec, str(folder / f"{spec.class_name}.weights.h5"))
    pixels = squares_for(spec, resize="stretch")
    scores = engine.predict(pixels)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert np.abs(scores - engine.predict(255 - pixels)).max() > 1e-2
    assert np.abs(scores - engine.predict(pixels[..., ::-1])).max() > 1e-3


@pytest.fixture(scope="module")
def lite_pixels():
    return squares_for(find_model("efficientnet_lite0"))


@pytest.fixture(scope="module")
def lite_engine():
    return engine_for(find_model("efficientnet_lite0"))


@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_backends_agree(backend, lite_engine, lite_pixels, tmp_path):
    np.save(tmp_path / "pixels.npy", lite_pixels)
    program = f"""
import numpy as np
from engines import load_engine
from engines.runtime import Runtime
from models import find_model
from networks import Network
from networks.weights import Weights
network = Network((find_model("efficientnet_lite0"),), 1000)
engine = load_engine(network, Weights(), Runtime("{backend}", "cpu"))
pixels = np.load(r"{tmp_path / "pixels.npy"}")
np.save(r"{tmp_path / "scores.npy"}", np.concatenate([engine.predict(pixels[:2]), engine.predict(pixels[2:])]))
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    scores = np.load(tmp_path / "scores.npy")
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, lite_engine.predict(lite_pixels), atol=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "mobilenet_v3_small" else pytest.mark.slow)
        for name, spec in MODELS.items()
        if not spec.module.endswith(CHANNELS_LAST_ONLY)
    ],
)
def test_network_is_the_same_channels_first(name):
    """With kernels that let a picture through: fresh ones find all pictures alike."""
    spec = MODELS[name]
    rng = np.random.default_rng(0)
    pixels = squares_for(spec, PICTURES[:2])
    models = [build_model(spec, "none", 1000, data_format) for data_format in ("channels_last", "channels_first")]
    weights = [he_normal(rng, value) if value.ndim > 1 else value for value in models[0].get_weights()]
    for model in models:
        model.set_weights(weights)
    last, first = (openvino_scores(model, pixels) for model in models)
    assert np.abs(last - first).max() < 0.02 * np.abs(last[0] - last[1]).max()


def test_networks_that_keras_builds_otherwise_for_imagenet_weights_run_channels_first(monkeypatch):
    """EfficientNet has one more layer then; only the download and the weights are left out."""
    from keras.src.applications import efficientnet

    monkeypatch.setattr(efficientnet.file_utils, "get_file", lambda *_args, **_options: "weights.h5")
    monkeypatch.setattr("keras.Model.load_weights", lambda *_args, **_options: None)
    graph = build_graph(Network((MODELS["efficientnet_b0"],), 1000), Weights())
    assert list(graph.output(0).shape) == [1, 1000]


def he_normal(rng, kernel: np.ndarray) -> np.ndarray:
    depthwise = kernel.ndim == 4 and kernel.shape[-1] == 1
    fan_in = np.prod(kernel.shape[:2] if depthwise else kernel.shape[:-1])
    return (rng.standard_normal(kernel.shape) * np.sqrt(2 / fan_in)).astype(np.float32)


def openvino_scores(model, pixels: np.ndarray) -> np.ndarray:
    model(pixels[:1])
    return np.asarray(model.predict_on_batch(pixels))


def test_scores_are_probabilities_and_do_not_depend_on_the_batch(lite_engine, lite_pixels):
    together = lite_engine.predict(lite_pixels)
    alone = np.concatenate([lite_engine.predict(pixels[None]) for pixels in lite_pixels])
    assert together.shape == (len(PICTURES), 1000)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_exhausted_memory_is_answered_with_smaller_batches(monkeypatch):
    """What a device would do that has room for three pictures."""

    class ResourceExhaustedError(Exception):
        pass

    def predict(pixels):
        if len(pixels) > 3:
            raise ResourceExhaustedError("out of memory")
        sizes.append(len(pixels))
        return pixels.mean(axis=(1, 2, 3), keepdims=True)[:, 0, 0]

    sizes: list[int] = []
    engine = KerasEngine.__new__(KerasEngine)
    engine._limit, engine._batch_size = sys.maxsize, 8
    monkeypatch.setattr(engine, "_predict", predict)
    pixels = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)
    np.testing.assert_array_equal(engine.predict(pixels)[:, 0], range(8))
    assert sizes == [2, 2, 2, 2]


def test_gpu_that_is_not_there_is_refused_with_the_reason():
    pytest.importorskip("openvino")
    from openvino import Core

    if any("GPU" in device for device in Core().available_devices):
        pytest.skip("this machine has a GPU")
    with pytest.raises(
        UsageError, match=r"--device gpu:3: OpenVINO, which uses Intel GPUs, sees only CPU; --device cpu works"
    ):
        engine_for(find_model("efficientnet_lite0"), device="gpu:3")


def test_auto_is_openvino_on_a_cpu():
    assert choose_backend("auto", "cpu") == "openvino"


def test_imagenet_weights_take_no_other_number_of_labels():
    with pytest.raises(UsageError, match="1000 classes, but the labels name 3"):
        Weights("imagenet").check(Network((find_model("resnet50"),), 3))
