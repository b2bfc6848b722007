"""Random weights whose answers differ between pictures: `python -m benchmark.lively NETWORK FILE FOLDER`.

Of weights as Keras makes them, all classes are alike in all pictures, so that exports cannot differ much either.
"""

import itertools
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np

from models import ModelSpec, find_model
from networks import Network
from networks.applications import build_network, keras_configured
from networks.trained import randomize
from settings import WORKERS
from sources.frames import read_frames
from sources.pictures import find_pictures

SPREAD = 3  # standard deviation of what goes into softmax
MOST_PICTURES = 16


def main(name: str, path: str, folder: str) -> None:
    """Save weights of a network of the registry for what is in a folder of pictures."""
    spec = find_model(name)
    frames = read_frames(find_pictures(folder), Network((spec,)).transform(), WORKERS)
    read = (frame.square for frame in frames if frame is not None and frame.square is not None)
    squares = [*itertools.islice(read, MOST_PICTURES)]
    if len(squares) < 2:
        sys.exit(f"error: answers to {len(squares)} pictures cannot differ; {folder} needs two that can be read")
    network = make_network(spec)
    spread(network, spec.preprocess_input(np.stack(squares).astype("float32")))
    network.save_weights(path)


def make_network(spec: ModelSpec) -> keras.Model:
    """Return a network of the registry with random weights, the same each time."""
    with keras_configured("channels_last"):
        network = build_network(spec, "none", 1000)
    randomize(network)
    return network


def spread(network: keras.Model, inputs: np.ndarray) -> None:
    """Scale the last layer so that what goes into softmax differs between inputs, float32 [N, S, S, 3]."""
    last = [layer for layer in network.layers if layer.weights][-1]  # dense, or a convolution of one pixel
    features = keras.Model(network.input, last.input).predict(inputs, verbose=0).reshape(len(inputs), -1)
    kernel, bias = last.get_weights()
    logits = features @ kernel.reshape(features.shape[1], -1)
    scale = SPREAD / (logits - logits.mean(axis=0)).std()
    last.set_weights([scale * kernel, (-scale * logits.mean(axis=0)).astype(bias.dtype)])


if __name__ == "__main__":
    main(*sys.argv[1:])
