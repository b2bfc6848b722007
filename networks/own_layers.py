"""What a model's description tells of it: input, classes, how it begins and how it ends. Imports no framework."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from errors import UsageError
from models import MODELS, plain

Layer = dict[str, Any]

NESTED = ("Functional", "Model", "Sequential")
WITHOUT_EFFECT = (
    "Dropout",
    "SpatialDropout2D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
)
SCALING = (
    "Rescaling",
    "Normalization",
    "TrueDivide",
    "Divide",
    "Multiply",
    "Subtract",
    "GetItem",  # of channels, as preprocess_input turns RGB into BGR
    "TFOpLambda",
    "SlicingOpLambda",
)
PASSING = ("Flatten", "Reshape", "GlobalAveragePooling2D", "GlobalMaxPooling2D", *WITHOUT_EFFECT)
UNITS = {"Dense": "units", "Conv2D": "filters", "SeparableConv2D": "filters"}  # of classes
SCORES = ("softmax", "sigmoid")
MEANS = ("GlobalAveragePooling2D", "Flatten")  # which the gradient of `networks.heat` goes through
MAPS = (  # which give a feature map
    "AveragePooling2D", "Conv2D", "Conv2DTranspose", "Cropping2D", "DepthwiseConv2D", "MaxPooling2D",
    "SeparableConv2D", "UpSampling2D", "ZeroPadding2D",
)  # fmt: skip
ANYWHERE = (  # which give a map or a row, as they take it
    "Activation", "Add", "BatchNormalization", "Concatenate", "ELU", "InputLayer", "LeakyReLU", "Multiply", "ReLU",
)  # fmt: skip
CHANNELS = (1, 3)

#        a layer's name as Keras gives it, and the first of the models that have it
SIGNS = {
    "block5_conv4": "vgg19",
    "block5_conv3": "vgg16",
    "conv5_block32_concat": "densenet169",
    "conv5_block16_concat": "densenet121",
    "post_relu": "resnet50_v2",
    "conv5_block3_out": "resnet50",
    "conv_7b": "inception_resnet_v2",
    "mixed10": "inception_v3",
    "block14_sepconv2": "xception",
    "conv_pw_13": "mobilenet",
    "block_16_project": "mobilenet_v2",
    "normal_concat_12": "nasnet_mobile",
}


@dataclass(frozen=True)
class Outline:
    """What is known of a model before it is built."""

    size: int = 0  # side of the square that goes in, pixels
    channels: int = 3  # 1: grey
    units: int = 0  # that come out; 1 for two classes
    activation: str = "softmax"  # one of SCORES, that ends it or has to
    is_logits: bool = False  # whether it has to be added
    is_preprocessed: bool = False  # whether its first layers scale pixels
    first: str = ""  # the classes of its first layers, for people
    like: str = ""  # the model of the registry that it seems to be made of
    explained: str = "occlusion"  # the best of the methods that show where it sees a class
    features: str = ""  # of a backbone: the layer that gives them, for people
    tail: int = 0  # of a backbone: how many operations lie above them

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return max(2, self.units)


def outline_of(path: str, model: Layer) -> Outline:
    """Read a classifier's description as `own_file.read_config` returns it; raises UsageError for what it cannot be."""
    with misdescribed(path):
        begin, layers = outline_of_beginning(path, model)
        units, activation, is_logits = scores_of(path, layers)
        return replace(begin, units=units, activation=activation, is_logits=is_logits, explained=_explained(layers))


def outline_of_beginning(path: str, model: Layer) -> tuple[Outline, list[Layer]]:
    """Return what a description tells of all but the end, and its layers as `chain` does."""
    for what, key in (("inputs", "input_layers"), ("outputs", "output_layers")):
        count = len(_ends(model, key))
        if count > 1:
            raise UsageError(f"{path} has {count} {what}; a classifier takes one picture and gives one row of scores")
    layers = chain(model)
    size, channels = _input(path, model, layers)
    first = [layer["class_name"] for layer in layers if layer["class_name"] != "InputLayer"]
    is_scaled = layers[0]["config"].get("dtype") == "uint8" or _is_scaled(layers)  # 8 bits as they come
    return Outline(size, channels, 0, "", False, is_scaled, " → ".join(first[:3]), _like(model)), layers


@contextlib.contextmanager
def misdescribed(path: str) -> Iterator[None]:
    """Turn what reading a description raises, when it is not one of Keras's, into a UsageError."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the description of the model in {path} is not one of Keras's: {error!r}") from error


def chain(model: Layer) -> list[Layer]:
    """Return the layers on a way from the input to the output, with those of the models in it in their places.

    Where layers are joined, it is the way through the first of them.
    """
    layers = model["config"]["layers"]
    if model["class_name"] == "Sequential":
        way = layers
    else:
        named = {layer["name"]: layer for layer in layers}
        way, name = [], _ends(model, "output_layers")[0]
        while name:
            layer = named.pop(name)  # so that a circle ends with a KeyError
            way.insert(0, layer)
            name = next(_sources(layer.get("inbound_nodes")), "")
    return [leaf for layer in way for leaf in (chain(layer) if layer["class_name"] in NESTED else [layer])]


def _ends(model: Layer, key: str) -> list[str]:
    """Return the names of a model's first or last layers; one alone may stand without brackets."""
    if model["class_name"] not in NESTED:
        raise ValueError(f"it is a {model['class_name']}")
    ends = model["config"].get(key, [["", 0, 0]])
    ends = list(ends.values()) if isinstance(ends, dict) else ends
    return [ends[0]] if isinstance(ends[0], str) else [end[0] for end in ends]


def _sources(nodes: Any) -> Iterator[str]:
    """Yield the names of the layers whose output a layer takes, as Keras 3 writes them, and as Keras 2 did."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
            return
        nodes = list(nodes.values())
    if isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
        for node in nodes:
            yield from _sources(node)


def _input(path: str, model: Layer, layers: list[Layer]) -> tuple[int, int]:
    first = layers[0]["config"]
    shape = model["config"].get("build_input_shape") or first.get("batch_shape") or first.get("batch_input_shape")
    if shape is None:
        raise UsageError(f"{path} has never been built, so that its input has no size; save it after training")
    shape = list(shape)[1:]
    if len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS:
        raise UsageError(f"{path} takes channels first, {shape}; only models with channels last are taken")
    if len(shape) != 3 or shape[2] not in CHANNELS:
        raise UsageError(f"{path} takes {shape}, which is no picture; RGB is [size, size, 3], and grey [size, size, 1]")
    if None in shape:
        raise UsageError(
            f"{path} takes pictures of any size, {shape}; save it with the size that it was trained with: "
            "keras.Input((size, size, 3))"
        )
    if shape[0] != shape[1]:
        raise UsageError(f"{path} takes pictures of {shape[0]} x {shape[1]} pixels; only squares are taken")
    return int(shape[0]), int(shape[2])


def scores_of(path: str, layers: list[Layer]) -> tuple[int, str, bool]:
    """Return how many scores come out, the activation that makes them probabilities, and whether it is missing."""
    found = ""
    for layer in reversed(layers):
        kind, config = layer["class_name"], layer["config"]
        activation = "softmax" if kind == "Softmax" else config.get("activation", "linear")
        if not found and activation in SCORES:
            found = activation
        elif not found and (activation != "linear" or kind not in (*UNITS, *PASSING, "Activation", "InputLayer")):
            last = kind if activation == "linear" else f"{kind} with {activation}"
            raise UsageError(
                f"{path} ends in {last}, and not in scores of classes; it has to end in a Dense layer for them, "
                "with softmax, sigmoid or no activation"
            )
        if kind in UNITS:
            units = int(config[UNITS[kind]])
            if units == 1 and found == "softmax":
                raise UsageError(f"{path} ends in a softmax of one score, which is always 1; train it with a sigmoid")
            return units, found or ("sigmoid" if units == 1 else "softmax"), not found
    raise UsageError(f"{path} has no Dense layer, whose scores could be of classes")


def _is_scaled(layers: list[Layer]) -> bool:
    """Return whether a model begins with layers that scale pixels."""
    for layer in layers:
        kind = layer["class_name"]
        if kind in SCALING:
            return True
        if kind not in ("InputLayer", "Resizing", "CenterCrop", *WITHOUT_EFFECT) and not kind.startswith("Random"):
            return False
    return False


def _like(model: Layer) -> str:
    """Return the model of the registry that a model seems to be made of, or ""."""
    names = list(_names(model))
    found = [name for name in names for spec in MODELS if plain(name).startswith(plain(spec))]
    if found:
        return max((spec for spec in MODELS if plain(found[0]).startswith(plain(spec))), key=len)
    return next((like for sign, like in SIGNS.items() if sign in names), "")


def _names(model: Layer) -> Iterator[str]:
    """Yield the names of a model, and of all that is in it."""
    yield model["config"].get("name", "")
    for layer in model["config"].get("layers", []):
        if layer["class_name"] in NESTED:
            yield from _names(layer)
        else:
            yield layer["config"].get("name", "")


def explained_after(layers: list[Layer]) -> str:
    """Return "cam", "grad-cam" or "occlusion", where the last of some layers gives features that are seen then."""
    kinds = [layer["class_name"] for layer in layers if layer["class_name"] not in WITHOUT_EFFECT]
    if kinds[-1] == MEANS[0]:
        return "cam"
    is_flat = kinds[-1] == "Flatten"
    decisive = next((kind for kind in reversed(kinds[: -1 if is_flat else None]) if kind not in ANYWHERE), "")
    if decisive not in MAPS and not (is_flat and kinds[-2:-1] == [MEANS[0]]):
        return "occlusion"
    return "grad-cam" if is_flat else "cam"


def _explained(layers: list[Layer]) -> str:
    """Return "cam" or "grad-cam" where all that follows the last feature map has a gradient in `networks.heat`."""
    after: list[str] = []
    for place, layer in reversed(list(enumerate(layers))):
        kind, activation = layer["class_name"], layer["config"].get("activation", "linear")
        is_last = "Dense" not in after
        if kind in MEANS:
            method = explained_after(layers[: place + 1])
            return method if method != "cam" or after == ["Dense"] else "grad-cam"
        if kind not in ("Dense", "BatchNormalization", "Activation", "Softmax", *WITHOUT_EFFECT):
            break
        if activation not in ("linear", *SCORES[: 2 if is_last else 0], *(["relu"] if kind == "Dense" else [])):
            break
        if kind not in ("Activation", "Softmax", *WITHOUT_EFFECT):
            after.append(kind)
    return "occlusion"
