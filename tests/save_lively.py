"""Random weights whose answers differ between pictures: `python save_lively.py NETWORK FILE PICTURE...`.

Of weights as Keras makes them, all classes are alike in all pictures, so that exports cannot differ much either.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np

from models import find_model
from networks import Network
from networks.applications import build_network, keras_configured
from networks.trained import _randomize
from preprocess import read_square

SPREAD = 3  # standard deviation of what goes into softmax


def main(name: str, path: str, *pictures: str) -> None:
    spec = find_model(name)
    with keras_configured("channels_last"):
        network = build_network(spec, "none", 1000)
    _randomize(network)
    squares = np.stack([read_square(picture, Network((spec,)).transform()) for picture in pictures])
    inputs = spec.preprocess_input(squares.astype("float32"))
    last = [layer for layer in network.layers if layer.weights][-1]  # dense, or a convolution of one pixel
    features = keras.Model(network.input, last.input).predict(inputs, verbose=0).reshape(len(pictures), -1)
    kernel, bias = last.get_weights()
    logits = features @ kernel.reshape(features.shape[1], -1)
    scale = SPREAD / (logits - logits.mean(axis=0)).std()
    last.set_weights([scale * kernel, (-scale * logits.mean(axis=0)).astype(bias.dtype)])
    network.save_weights(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
