"""Exports a tiny network in all formats that TensorFlow writes: `python export_tiny.py FOLDER`, in its own process.

Prints a JSON object {file: [largest difference of probabilities, bytes]} for tests/exporting/test_export_formats.py.
"""

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
from tiny_labels import LABELS

import exporting.graph
import exporting.keras_file
import exporting.onnx_file
from classifiers import load_classifier
from exporting.card import metadata
from exporting.formats import FORMATS
from exporting.order import Order, exporter_of
from usage.use_exported import LOADERS

RNG = np.random.default_rng(0)
SQUARES = RNG.integers(0, 256, (5, 16, 16, 3), np.uint8)


def network() -> keras.Model:
    """A classifier with what makes exports fail: a mean that is subtracted, convolutions in groups, GELU."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((16, 16, 3), dtype="uint8", name="pixels")
    x = keras.applications.vgg16.preprocess_input(keras.ops.cast(pixels, "float32")) / 60
    x = keras.layers.Conv2D(64, 3, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(64, 3, groups=64)(x)
    x = keras.layers.Dense(64, activation="gelu")(keras.layers.Flatten()(x))
    return keras.Model(pixels, keras.layers.Dense(len(LABELS), "softmax")(x))


def main(folder: Path) -> dict:
    model = network()
    exporting.graph.build = exporting.keras_file.build = lambda *_: model
    exporting.onnx_file.LEAST_APART = 1000  # so that it has kernels that tf2onnx does not see
    classifier = load_classifier("efficientnet_lite0", labels=LABELS, weights="none")
    found = {}
    for name in ("keras", "saved_model", "onnx", "litert"):
        for precision in FORMATS[name].precisions:
            path = folder / FORMATS[name].file_name(precision)
            order = Order(name, precision, classifier, path, metadata(classifier), SQUARES)
            exporter_of(order).write(order)
            predict = exporter_of(order).load(order)
            answers = [predict(SQUARES), LOADERS[path.suffix](path)(SQUARES[:1])]
            differences = [np.abs(answer - model(SQUARES[: len(answer)])).max() for answer in answers]
            size = sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
            found[path.name] = [float(max(differences)), size]
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
