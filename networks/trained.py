"""Build what a trained classifier is made of: backbones without their last layers, and a head.

    pixels -> features (each backbone: make the picture smaller, its preprocess_input, network) -> head

Only Keras's own layers and operations, so that plain Keras opens what is saved.
"""

import json
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from errors import UsageError
from files import scratch, written_whole
from models import ModelSpec
from networks import Head, Network
from networks.applications import (
    build_model,
    build_network,
    keras_configured,
    load_weights,
    preprocessed,
    tensorflow_not_imported,
    why_not_loaded,
)
from networks.cut import above, below, output_at, size_at
from networks.weights import Weights

NO_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can have


def build(network: Network, weights: Weights, data_format: str = "channels_last") -> keras.Model:
    """Return whatever an engine computes: uint8 RGB [N, S, S, 3] -> float32 probabilities, or features.

    `data_format` is how the networks compute inside. Raises UsageError when the weights cannot be had or do not fit.
    """
    if network.part == "features":
        return build(replace(network, part="whole"), weights, data_format).get_layer("features")
    if network.part != "whole":
        from networks.heat import build_part

        return build_part(network, weights, data_format)
    if network.classes is None:
        return build_features(network, weights.source, data_format)
    if network.head is not None:
        return build_trained(network, weights, data_format)
    return build_model(network.backbones[0], weights.source, network.classes, data_format)


def build_features(network: Network, weights: str, data_format: str = "channels_last") -> keras.Model:
    """Return uint8 RGB [N, S, S, 3] -> float32 features [N, F], S being the largest input.

    `weights` is "imagenet", "none" (random, and the same on every backend) or, for a single
    backbone, the path of a weights file.
    """
    with keras_configured(data_format):
        applications = [build_network(spec, weights) for spec in network.backbones]
        if weights == "none":
            for application in applications:
                randomize(application)
        if weights == "imagenet":
            pairs = zip(applications, network.backbones, strict=True)
            applications = [without_rescaling(*pair) for pair in pairs]
        if network.cuts:
            applications = [below(*pair) for pair in zip(applications, network.cuts, strict=True)]
        return _join_networks(network, applications)


def build_head(features: int, classes: int, head: Head) -> keras.Model:
    """Return float32 features [N, F] -> float32 probabilities [N, classes].

    The last layer begins at zero: all classes alike. Random weights would stay in it where few pictures train it.
    """
    x = inputs = keras.Input((features,), name="features")
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name="dropout")(x)
    if head.kind == "mlp":
        x = keras.layers.Dense(head.hidden_units, activation="relu", name="hidden")(x)
        if head.dropout:
            x = keras.layers.Dropout(head.dropout, name="hidden_dropout")(x)
    last = keras.layers.Dense(
        classes, activation="softmax", kernel_initializer="zeros", dtype="float32", name="probabilities"
    )
    return keras.Model(inputs, last(x), name="head")


def join_head(features: keras.Model, head: keras.Model) -> keras.Model:
    """Return the whole classifier, uint8 RGB [N, S, S, 3] -> probabilities; both parts go on living in it."""
    pixels = keras.Input(features.input_shape[1:], dtype="uint8", name="pixels")
    return keras.Model(pixels, head(features(pixels)), name="classifier")


def join_above(classifier: keras.Model, cuts: Sequence[int]) -> keras.Model:
    """Return what lies above the cuts of a classifier's backbones: rows that went through them -> probabilities.

    All of its layers are the classifier's, and training them trains it.
    """
    networks = backbone_networks(classifier)
    sizes = [size_at(*pair) for pair in zip(networks, cuts, strict=True)]
    rows = keras.Input((sum(sizes),), name="maps")
    features, start = [], 0
    for network, cut, size in zip(networks, cuts, sizes, strict=True):
        row = rows[:, start : start + size] if len(networks) > 1 else rows
        features.append(above(network, cut)(keras.layers.Reshape(output_at(network, cut).shape[1:])(row)))
        start += size
    return keras.Model(rows, classifier.get_layer("head")(joined(features)), name="above")


def backbone_networks(model: keras.Model) -> list[keras.Model]:
    """Return the backbones' networks inside of a classifier or its features, in their order."""
    features = model.get_layer("features") if model.name == "classifier" else model
    return [layer for layer in features.layers if isinstance(layer, keras.Model)]


def build_trained(network: Network, weights: Weights, data_format: str = "channels_last") -> keras.Model:
    """Return a folder's classifier, uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes].

    It is built from the registry, or of a backbone's description, and nothing but numbers is read from model.keras.
    """
    weights.check_content()
    head, classes = _ending(network)
    model = _build_unset(network, data_format)
    try:
        load_weights(model, weights.source)
    except Exception as error:  # Keras and HDF5 raise almost anything for a file of another network
        raise UsageError(
            f"the weights in {weights.source} do not fit {network.name} with a head '{head.kind}' "
            f"for {classes} classes: {why_not_loaded(error)}; "
            f"train it again, or use the Keras that it was trained with (this is {keras.__version__})"
        ) from error
    return model


def save_classifier(classifier: keras.Model, network: Network, path: Path) -> None:
    """Save a classifier in float32, without an optimizer; the same weights give the same bytes.

    Keras names what it builds after what was built before in the process. So the classifier is
    built once more with nothing before it: this clears Keras's session.
    """
    weights, policy = classifier.get_weights(), keras.config.dtype_policy()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("float32")
    try:
        model = _build_unset(network)
        model.set_weights(weights)
        with written_whole(path) as clean, scratch(path.with_name("saved.keras")) as saved, tensorflow_not_imported():
            model.save(saved)
            _copy_reproducibly(saved, clean)
    finally:
        keras.config.set_dtype_policy(policy)


def _copy_reproducibly(saved: Path, clean: Path) -> None:
    """Copy a .keras file without its dates, and with objects numbered by their order, not their addresses."""
    numbers: dict[bytes, int] = {}

    def number(match: re.Match) -> bytes:
        return b"%s%d" % (match[1], numbers.setdefault(match[2], len(numbers)))

    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(clean, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            if name == "metadata.json":
                data = json.dumps(json.loads(data) | {"date_saved": "1980-01-01@00:00:00"}).encode()
            elif name == "config.json":
                data = re.sub(rb'("shared_object_id": )(\d+)', number, data)
            copy.writestr(zipfile.ZipInfo(name, NO_DATE), data)


def _build_unset(network: Network, data_format: str = "channels_last") -> keras.Model:
    """Return the classifier with weights that mean nothing."""
    head, classes = _ending(network)
    with keras_configured(data_format):
        features = _join_networks(network, [build_network(spec, "none") for spec in network.backbones])
        return join_head(features, build_head(features.output_shape[-1], classes, head))


def _ending(network: Network) -> tuple[Head, int]:
    """Return what ends a trained network: its head, and the number of classes."""
    if network.head is None or network.classes is None:
        raise ValueError(f"{network} has no head")
    return network.head, network.classes


def _join_networks(network: Network, applications: list[keras.Model]) -> keras.Model:
    pixels = keras.Input((network.input_size, network.input_size, 3), dtype="uint8", name="pixels")
    square = keras.ops.cast(pixels, "float32")
    features = [
        application(preprocessed(made_smaller(square, spec.input_size, spec.name), spec))
        for spec, application in zip(network.backbones, applications, strict=True)
    ]
    return keras.Model(pixels, joined(features), name="features")


def joined(features: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Return what a head takes: the features of all backbones."""
    together = keras.layers.Concatenate(name="joined")(features) if len(features) > 1 else features[0]
    return keras.layers.Activation("linear", dtype="float32", name="float32")(together)


def made_smaller(square: keras.KerasTensor, size: int, name: str) -> keras.KerasTensor:
    """Resize float32 [N, S, S, 3] with two matrix products: a layer that all backends agree on."""
    if square.shape[1] == size:
        return square
    shrink = keras.layers.Dense(size, use_bias=False, trainable=False, dtype="float32", name=f"{name}_size")
    shrink.build((None, square.shape[1]))
    shrink.set_weights([shrinking_matrix(square.shape[1], size)])
    rows = keras.ops.transpose(square, (0, 3, 1, 2))
    columns = keras.ops.transpose(shrink(rows), (0, 1, 3, 2))
    return keras.ops.transpose(shrink(columns), (0, 3, 2, 1))


def shrinking_matrix(size: int, smaller: int) -> np.ndarray:
    """Return float32 [size, smaller] that resizes a row of pixels, bilinear and antialiased.

    Each new pixel is the mean of the old ones that it lies over, with weights that fall off
    linearly over one new pixel to both sides: Pillow's and TensorFlow's triangle filter.
    """
    scale = size / smaller
    centers = (np.arange(smaller) + 0.5) * scale
    distances = np.abs((np.arange(size)[:, None] + 0.5 - centers) / scale)
    weights = np.maximum(0, 1 - distances)
    return (weights / weights.sum(axis=0)).astype(np.float32)


def randomize(network: keras.Model) -> None:
    """Give kernels random values (He's) that are the same on every backend, whose own generators differ."""
    rng = np.random.default_rng(0)
    for variable in network.weights:
        if len(variable.shape) > 1:
            variable.assign(_he_normal(rng, variable.shape))


def _he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    is_depthwise = len(shape) == 4 and shape[-1] == 1
    inputs = math.prod(shape[:2] if is_depthwise else shape[:-1])
    return rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / inputs))


def without_rescaling(network: keras.Model, spec: ModelSpec) -> keras.Model:
    """Return a network with ImageNet's weights as Keras builds it for any others.

    For ImageNet's it puts a Rescaling after EfficientNet's Normalization, whose variance takes it in here.
    """
    if spec.weights_file or sum(isinstance(layer, keras.layers.Rescaling) for layer in network.layers) < 2:
        return network
    plain = build_network(spec, "none")
    plain.set_weights(network.get_weights())
    scale = [layer.scale for layer in network.layers if isinstance(layer, keras.layers.Rescaling)][-1]
    normalization = next(layer for layer in plain.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance, *count = normalization.get_weights()
    normalization.set_weights([mean, variance / np.square(scale, dtype=np.float32), *count])
    normalization.finalize_state()
    return plain
