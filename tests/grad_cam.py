"""Compare heat maps with Grad-CAM by TensorFlow's own gradient: `python grad_cam.py PICTURE MODEL...`.

Prints a line for each model: its name, and the largest difference between the maps, each scaled to 1.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf

from classifiers import load_classifier
from networks.applications import preprocessed
from networks.cut import output_at
from networks.heat import build_heat, build_maps, last_map
from networks.own import read_own
from networks.trained import backbone_networks, build
from preprocess import read_square


def difference(name: str, picture: str) -> float:
    """Return how far two heat maps of a model, most with random weights, are apart."""
    keras.utils.set_random_seed(1)
    if name.endswith(".keras"):
        classifier = load_classifier(name, preprocess=None if read_own(name).outline.is_preprocessed else "0..1")
    else:
        classifier = load_classifier(name, weights="imagenet" if "lite" in name else "none")
    whole = build(classifier.network, classifier.weights)
    square = read_square(picture, classifier.transform)[None]
    outputs = np.asarray(build_maps(classifier.network, whole, "channels_last")(square))
    scores, row = np.split(outputs, [len(classifier.labels)], axis=1)
    likely = scores[0].argsort()[-10:]
    rows = np.column_stack([np.repeat(row, len(likely), axis=0), likely]).astype(np.float32)
    heats = np.asarray(build_heat(classifier.network, whole)(rows))
    seen = int(heats.max(axis=1).argmax())  # with random weights, many classes are seen nowhere
    ours, wanted = heats[seen], int(likely[seen])
    theirs = grad_cam(
        backbone_networks(whole)[0], preprocessed(tf.cast(square, "float32"), classifier.network.backbones[0]), wanted
    )
    return float(abs(ours / ours.max() - theirs.ravel() / theirs.max()).max())


def grad_cam(network: keras.Model, inputs: tf.Tensor, wanted: int) -> np.ndarray:
    """Return Grad-CAM as its paper has it: the feature map's channels, weighed by the mean gradient of the logit."""
    for layer in network.layers[-3:]:
        if getattr(layer, "activation", None) in (keras.activations.softmax, keras.activations.sigmoid):
            layer.activation = keras.activations.linear
    both = keras.Model(network.inputs, [output_at(network, last_map(network)), network.output])
    with tf.GradientTape() as tape:
        features, logits = both(inputs)
        logit = logits[:, wanted]
    weights = tf.reduce_mean(tape.gradient(logit, features), (1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * features, -1))[0].numpy()


if __name__ == "__main__":
    for model in sys.argv[2:]:
        print(model, difference(model, sys.argv[1]))
