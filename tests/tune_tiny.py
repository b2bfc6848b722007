"""Cuts networks as fine-tuning does, in a process of its own: `python tune_tiny.py FOLDER NETWORK ...`.

Prints a JSON object of what tests/training/test_finetune.py asks about.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np

from models import MODELS
from networks import Head, Network
from networks.applications import build_network
from networks.cut import size_at
from networks.trained import backbone_networks, build_features, build_head, join_above, join_head
from training.depth import last_layers, last_stage
from training.finetune import judge
from training.optimizer import TwoRates

LARGE = 150_000_000  # parameters, which take long to make
RNG = np.random.default_rng(0)


def stage(name: str) -> tuple[str | None, int]:
    keras.utils.clear_session()  # Keras names layers after those before them
    network = build_network(MODELS[name], "none")
    depth = last_stage(network)
    return None if depth.cut is None else network.operations[-1 - depth.cut].name, depth.layers


def share_of_weights(name: str) -> tuple[float, bool]:
    """Which share of its weights a network's last stage has, and whether there is a cut below it."""
    keras.utils.clear_session()
    network = build_network(MODELS[name], "none")
    depth = last_stage(network)
    trained = sum(layer.count_params() for layer in network.layers[-depth.layers :])
    return trained / network.count_params(), depth.cut is not None


def joined() -> dict:
    """Two backbones, cut in different places, and a head."""
    backbones = tuple(MODELS[name] for name in ("mobilenet_v3_small", "efficientnet_lite0"))
    features = build_features(Network(backbones), "none")
    classifier = join_head(features, build_head(features.output_shape[-1], 3, Head("mlp", 8)))
    last = classifier.get_layer("head").get_layer("probabilities")
    last.set_weights([RNG.random(weights.shape, np.float32) for weights in last.get_weights()])
    networks = backbone_networks(classifier)
    cuts = tuple(last_stage(network).cut for network in networks)
    model = join_above(classifier, cuts)
    pixels = RNG.integers(0, 256, (1, 224, 224, 3), np.uint8)
    rows = build_features(Network(backbones, cuts=cuts), "none").predict(pixels, verbose=0)
    assert rows.shape[1] == sum(map(size_at, networks, cuts))
    ids = set(map(id, classifier.weights))
    return {
        "shares_weights": all(id(weight) in ids for weight in model.weights),
        "answers_agree": bool(
            np.allclose(model.predict(rows, verbose=0), classifier.predict(pixels, verbose=0), atol=1e-4)
        ),
    }


def steps() -> list[float]:
    """How far one step moves a weight of the backbone and one of the head."""
    inputs = keras.Input((1,))
    hidden = keras.layers.Dense(1, name="backbone", kernel_initializer="ones")(inputs)
    head_input = keras.Input((1,))
    head = keras.Model(head_input, keras.layers.Dense(1, kernel_initializer="ones")(head_input), name="head")
    model = keras.Model(inputs, head(hidden))
    model.compile(TwoRates(0.01, model, 3.0), "mse")
    model.train_on_batch(np.ones((4, 1)), np.zeros((4, 1)))
    return [1 - float(model.get_layer(name).get_weights()[0][0, 0]) for name in ("backbone", "head")]


def sharpness(sureness: float) -> float:
    """Of scores that are surer than they are right by this factor."""
    logits = RNG.standard_normal((4000, 3)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([RNG.choice(3, p=row) for row in shares])
    scores = np.exp(sureness * logits)
    return judge(scores / scores.sum(axis=1, keepdims=True), labels)[0]


def main(names: list[str]) -> dict:
    """What is asked of the networks that are named, or, without names, how deep each of the registry is trained."""
    if not names:
        return {name: share_of_weights(name) for name in MODELS if MODELS[name].parameters < LARGE}
    lite0 = build_network(MODELS["efficientnet_lite0"], "none")
    return {
        "stages": {name: stage(name) for name in names},
        "counted": {count: last_layers(lite0, count).cut for count in (0, 1, 30, 142)},
        **joined(),
        "steps": steps(),
        "sharpness": sharpness(2.0),
        "sharpness_of_the_modest": sharpness(0.5),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[2:])))
