"""Keras models of one's own as people train and save them: `save_own_models.py FOLDER PICTURE {NAME: PREPROCESS}`.

NAME.keras, NAME.h5      for each of MODELS; their weights are random, and their answers to pictures differ
NAME_saved/              two of them as model.export() leaves a SavedModel
file_saved/              a SavedModel that writes hostile.txt when it is computed
lambda.*, custom.*       with a Lambda that writes hostile.txt when it is called; with a class of one's own
scores.json              the probabilities of each for the picture, as plain Keras computes them
suite.json               those of the models named, as the suite computes them on TensorFlow
"""

import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image

from classifiers import load_classifier

SIZE, CLASSES = 64, 5
RGB = (SIZE, SIZE, 3)


def mobilenet() -> keras.Model:
    """A backbone whose numbers are spread as trained ones are."""
    network = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=RGB, alpha=0.35)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, 0.2))
    return network


def small(pooling: bool = False) -> keras.Model:
    """What such a backbone is made of, in a second; its name is one that Keras gives."""
    inputs = keras.Input(RGB)
    x = y = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="block_16_project")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same")(layers.ReLU(6.0)(layers.BatchNormalization()(x)))
    x = layers.Activation("relu")(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x) if pooling else x
    return keras.Model(inputs, x, name="mobilenetv2_1.00_64")


def functional() -> keras.Model:
    """As the tutorial on transfer learning makes it: augmentation, preprocessing, backbone, logits."""
    inputs = keras.Input(RGB)
    x = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)])(inputs)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    x = layers.GlobalAveragePooling2D()(mobilenet()(x, training=False))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.Dropout(0.2)(x)))


def sequential() -> keras.Model:
    """A backbone in a Sequential, to be fed by preprocess_input."""
    return keras.Sequential(
        [
            keras.Input(RGB), small(), layers.GlobalAveragePooling2D(), layers.BatchNormalization(),
            layers.Dense(16, activation="relu"), layers.Dropout(0.5), layers.Dense(CLASSES, activation="softmax"),
        ]
    )  # fmt: skip


def flat() -> keras.Model:
    """A head on the output of a backbone, all layers on one level."""
    base = small()
    x = layers.GlobalAveragePooling2D()(base.output)
    return keras.Model(base.input, layers.Dense(CLASSES, activation="softmax")(layers.Dropout(0.2)(x)))


def pooled() -> keras.Model:
    """A backbone with its pooling inside."""
    return keras.Sequential([keras.Input(RGB), small(pooling=True), layers.Dense(CLASSES, activation="softmax")])


def binary() -> keras.Model:
    """Cats and dogs: one sigmoid, and a Rescaling inside."""
    return keras.Sequential(
        [
            keras.Input(RGB), layers.Rescaling(1 / 255), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )  # fmt: skip


def grey() -> keras.Model:
    """Digits, as for MNIST."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)), layers.Conv2D(8, 3, activation="relu"), layers.GlobalMaxPooling2D(),
            layers.Dense(CLASSES), layers.Softmax(),
        ]
    )  # fmt: skip


#           how a model is made, and how pixels are made for it
MODELS = {
    "functional": (functional, lambda x: x),
    "sequential": (sequential, lambda x: x / 127.5 - 1),
    "flat": (flat, lambda x: x / 255),
    "pooled": (pooled, lambda x: x / 127.5 - 1),
    "binary": (binary, lambda x: x),
    "grey": (grey, lambda x: x / 255),
}


EXPORTED = ("flat", "binary")


def square(picture: str, size: int, channels: int) -> np.ndarray:
    """A picture as float [1, S, S, C], 0 to 255."""
    image = Image.open(picture).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image if channels == 3 else image.convert("L"), np.float32).reshape(1, size, size, channels)


def probabilities(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """What the scores of a model mean, [classes]."""
    scores = model.predict(inputs, verbose=0)[0]
    if len(scores) == 1:
        return np.array([1 - scores[0], scores[0]])
    return (
        scores if abs(scores.sum() - 1) < 1e-3 else np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    )


@keras.saving.register_keras_serializable()
class Doubled(layers.Layer):
    """A layer of one's own."""

    def call(self, x):
        return 2 * x


def save_hostile(folder: Path) -> None:
    """Save what runs code when it is loaded, and see that it does."""
    marker = folder / "hostile.txt"
    trap = layers.Lambda(lambda x, path: [open(path, "w").close(), x][1], arguments={"path": str(marker)})
    for name, layer in (("lambda", trap), ("custom", Doubled())):
        model = keras.Sequential([keras.Input(RGB), layer, layers.Flatten(), layers.Dense(CLASSES)])
        for ending in ("keras", "h5"):
            model.save(folder / f"{name}.{ending}")
    marker.unlink()
    keras.saving.load_model(folder / "lambda.keras", safe_mode=False)
    marker.unlink()  # or the file is harmless and the test of it worthless
    save_writing(folder / "file_saved", marker)


def save_writing(path: Path, marker: Path) -> None:
    """Save a SavedModel that writes a file, and see that it does."""

    def compute(pixels):
        with tf.control_dependencies([tf.io.write_file(str(marker), "")]):
            return tf.nn.softmax(tf.reduce_mean(pixels, (1, 2)))

    module = tf.Module()
    module.compute = tf.function(compute, input_signature=[tf.TensorSpec((None, *RGB))])
    tf.saved_model.save(module, str(path), signatures=module.compute)
    tf.saved_model.load(str(path)).signatures["serving_default"](tf.zeros((1, *RGB)))
    marker.unlink()


def suite_scores(path: Path, preprocess: str | None, picture: str) -> list[float]:
    """What the suite says of a model in a file, by class."""
    (result,) = load_classifier(path, preprocess=preprocess, backend="tensorflow").classify(picture, top_k=9)
    return [one.score for one in sorted(result.predictions, key=lambda one: one.class_id)]


def main(folder: Path, picture: str, preprocess: dict[str, str | None]) -> None:
    """Save all models, and what they say."""
    scores = {}
    for name, (make, prepare) in MODELS.items():
        keras.utils.set_random_seed(1)
        model = make()
        dense = next(layer for layer in reversed(model.layers) if isinstance(layer, layers.Dense))
        inputs = prepare(square(picture, *model.input_shape[2:]))
        sharper = 1 / model.predict(inputs, verbose=0).std() if name == "functional" else 8  # or all classes are alike
        dense.kernel.assign(dense.kernel * sharper)
        scores[name] = probabilities(model, inputs).tolist()
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        if name in EXPORTED:
            model.export(folder / f"{name}_saved", verbose=False)
    save_hostile(folder)
    (folder / "scores.json").write_text(json.dumps(scores))
    suite = {name: suite_scores(folder / f"{name}.keras", way, picture) for name, way in preprocess.items()}
    (folder / "suite.json").write_text(json.dumps(suite))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
