"""Where networks see a class: the same as Grad-CAM by a framework's own gradient, on every backend."""

import io
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from conftest import IMAGES, ROOT, engine_for

from classifiers import load_classifier
from inference.explain import is_pooled
from models import MODELS, find_model
from networks import Head, Network
from networks.applications import build_network
from networks.cut import above
from networks.heat import GRADIENTS, build_heat, build_maps, last_map
from networks.trained import build_features, build_head, join_head
from preprocess import read_square

CAT = str(IMAGES / "cat.png")
QUICK = ("efficientnet_lite0", "mobilenet_v3_small")
SLOW = sorted({*MODELS} - {*QUICK})
LINEAR = {"Activation", "Conv2D", "Dense", "Dropout", "GlobalAveragePooling2D", "Reshape"}


def differences(run, *models):
    finished = run("tests/grad_cam.py", CAT, *models, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    return {name: float(number) for name, number in map(str.split, finished.stdout.splitlines())}


def test_heat_is_grad_cam_by_tensorflow_s_gradient(run):
    found = differences(run, *QUICK)
    assert set(found) == {*QUICK}
    assert max(found.values()) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("model", SLOW)
def test_heat_of_larger_networks_is_grad_cam_by_tensorflow_s_gradient(run, model):
    assert differences(run, model)[model] < 1e-3


@pytest.mark.slow
def test_heat_on_tensorflow_is_that_on_openvino():
    code = (
        "from classifiers import load_classifier; import numpy as np, sys; "
        f"np.save(sys.stdout.buffer, load_classifier(backend='tensorflow').explain({CAT!r}).map)"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    theirs = np.load(io.BytesIO(finished.stdout))
    assert abs(theirs - load_classifier(backend="openvino").explain(CAT).map).max() < 1e-3


def test_probabilities_beside_the_maps_are_those_of_the_whole_network():
    spec = find_model("efficientnet_lite0")
    square = read_square(CAT, Network((spec,)).transform())[None]
    beside = engine_for(Network((spec,), 1000, part="maps")).predict(square)[:, :1000]
    np.testing.assert_allclose(beside, engine_for(spec).predict(square), atol=1e-6)


@pytest.mark.parametrize("model", QUICK)
def test_heat_of_one_backbone_is_its_map_weighed_by_channels(model):
    classifier = load_classifier(model, weights="imagenet" if "lite" in model else "none")
    explainer, square = classifier.explainer(), read_square(CAT, classifier.transform)
    outputs = explainer.engine.predict(square[None])[0]
    whole = engine_for(replace(classifier.network, part="heat"), weights=classifier.weights.source)
    for index in (3, 3, 281):  # the second time from what is kept
        expected = whole.predict(np.append(outputs[1000:], np.float32(index))[None])[0]
        heat = explainer.heat(square, outputs, [index])[0]
        np.testing.assert_allclose(heat.ravel(), expected / max(expected.max(), 1e-30), atol=1e-5)


@pytest.mark.parametrize("kind", [pytest.param("linear", marks=pytest.mark.slow), "mlp"])
def test_heat_of_a_trained_head_on_two_backbones(kind):
    """Against the same by hand: each map's channels weighed by the head's gradient, on the finest grid."""
    specs = find_model("efficientnet_lite0"), find_model("efficientnet_lite1")  # maps of 7 x 7 and of 8 x 8
    network = Network(specs, 3, Head(kind, hidden_units=8))
    features, head = build_features(network, "none"), build_head(1280 + 1280, 3, network.head)
    rng = np.random.default_rng(0)
    head.set_weights([rng.standard_normal(weight.shape) / 9 for weight in head.get_weights()])
    whole = join_head(features, head)
    outputs = np.asarray(build_maps(network, whole, "channels_last")(rng.integers(0, 255, (1, 240, 240, 3), np.uint8)))
    heat = np.asarray(build_heat(network, whole)(np.column_stack([outputs[:, 3:], [2]]).astype(np.float32)))
    first, second = outputs[0, 3 : 3 + 49 * 1280].reshape(7, 7, -1), outputs[0, 3 + 49 * 1280 :].reshape(8, 8, -1)
    weights = gradient_by_hand(head, np.concatenate([first.mean((0, 1)), second.mean((0, 1))]))
    enlarged = np.stack([np.interp((np.arange(8) + 0.5) * 7 / 8 - 0.5, range(7), row) for row in np.eye(7)])
    expected = enlarged.T @ (first @ weights[:1280]) @ enlarged + second @ weights[1280:]
    np.testing.assert_allclose(heat[0].reshape(8, 8), np.maximum(expected, 0), atol=1e-3 * expected.max())


def gradient_by_hand(head, features):
    kernel, bias, *last = head.get_weights()
    return kernel @ (last[0][:, 2] * (features @ kernel + bias > 0)) if last else kernel[:, 2]


@pytest.mark.parametrize(
    "model", ["mobilenet", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny"]
)
@pytest.mark.parametrize("has_head", [True, False])
def test_what_follows_the_last_map_is_known(model, has_head):
    """Its gradient is written out, and the table of networks that class activation maps are exact for is right."""
    spec = find_model(model)
    network = build_network(spec, "none", classes=None if has_head else 10)
    tail = {type(layer).__name__ for layer in above(network, last_map(network)).operations[1:]}
    activations = [
        layer for layer in network.operations[-last_map(network) :] if isinstance(layer, keras.layers.Activation)
    ]
    assert tail <= {*GRADIENTS}
    is_linear = tail <= LINEAR and len(activations) <= 1
    assert is_pooled(Network((spec,), 10, Head() if has_head else None)) == is_linear


def test_every_model_has_a_method():
    pooled = {name for name, spec in MODELS.items() if is_pooled(Network((spec,), 1000))}
    assert {*MODELS} - pooled == {name for name in MODELS if name.startswith(("vgg", "convnext", "mobilenet_v3"))}
