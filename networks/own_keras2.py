"""Descriptions of models that Keras 2 saved, in words of Keras 3, which reads most of them but not all. Plain data."""

from collections.abc import Callable
from typing import Any

from errors import UsageError

Layer = dict[str, Any]

#  class              what Keras 2 wrote down of its layers, with a value that says nothing
DROPPED = {
    "DepthwiseConv2D": ("groups",),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
NESTED = {"Functional": "keras.src.models.functional", "Model": "keras.src.models.functional", "Sequential": "keras"}
OPERATIONS: dict[str, Callable[[float], Layer]] = {  # of TensorFlow, as x / 127.5 - 1 left them in a model
    "math.truediv": lambda y: {"scale": 1 / y, "offset": 0.0},
    "math.multiply": lambda y: {"scale": y, "offset": 0.0},
    "math.subtract": lambda y: {"scale": 1.0, "offset": -y},
    "math.add": lambda y: {"scale": 1.0, "offset": y},
    "__operators__.add": lambda y: {"scale": 1.0, "offset": y},
}


def in_keras_3(path: str, value: Any) -> Any:
    """Return a description as Keras 3 reads it; number formats go, because --precision says them. Raises UsageError."""
    if isinstance(value, list):
        return [in_keras_3(path, inner) for inner in value]
    if not isinstance(value, dict):
        return value
    value = {key: in_keras_3(path, inner) for key, inner in value.items()}
    if isinstance(value.get("config"), list):  # of a Sequential, before 2.3
        value["config"] = {"layers": value["config"]}
    if "class_name" in value and isinstance(value.get("config"), dict):
        return _layer_in_keras_3(path, value)
    return value


def _layer_in_keras_3(path: str, layer: Layer) -> Layer:
    kind, config = layer["class_name"], layer["config"]
    if kind == "TFOpLambda":
        return _rescaling(path, layer)
    dropped = {"rng_type", *DROPPED.get(kind, ())}
    if kind != "InputLayer" and "trainable" in config:
        dropped.add("dtype")
    if not layer.get("module") and (set(config) == {"name"} or kind == "Stack"):
        layer |= {"module": "keras.src.ops.numpy", "registered_name": kind}
    if kind in NESTED:
        config = _nested(config)
    layer = layer | {"config": {key: inner for key, inner in config.items() if key not in dropped}}
    if kind in NESTED and not layer.get("module"):
        layer |= {"class_name": "Functional" if kind == "Model" else kind, "module": NESTED[kind]}
    return layer


def _nested(config: Layer) -> Layer:
    """Return what a model is made with: its one output without brackets or name, and calls of models counted from 0."""
    ends = {key: _only(config[key]) for key in ("input_layers", "output_layers") if len(config.get(key, ())) == 1}
    models = {layer["config"]["name"] for layer in config["layers"] if layer["class_name"] in NESTED}
    layers = [
        layer | {key: _counted_from_0(layer[key], models) for key in ("inbound_nodes",) if key in layer}
        for layer in config["layers"]
    ]
    return config | ends | {"layers": layers}


def _only(ends: Any) -> Any:
    """Return the one input or output of a model, which is in a list, or in a dictionary by its name."""
    return next(iter(ends.values() if isinstance(ends, dict) else ends))


def _counted_from_0(value: Any, models: set[str]) -> Any:
    """Return a layer's inputs, [name, call, tensor, options]; for Keras 2 a model's first call is what made it."""
    if not isinstance(value, list):
        return value
    if len(value) == 4 and value[0] in models and isinstance(value[1], int):
        return [value[0], max(0, value[1] - 1), *value[2:]]
    return [_counted_from_0(inner, models) for inner in value]


def _rescaling(path: str, layer: Layer) -> Layer:
    """Return a Rescaling for an operation with one number; raises UsageError for any other."""
    name, node = layer["config"]["function"], layer["inbound_nodes"][0]
    source, place, tensor, options = node[0] if isinstance(node[0], list) else node
    number = options.get("y")
    if name not in OPERATIONS or not isinstance(number, int | float) or not number:
        raise UsageError(
            f"{path} holds the TensorFlow operation {name}, as preprocess_input leaves it in a model of Keras 2. "
            "Where it was trained, save the model without it, and name it here with --preprocess"
        )
    config = {"name": layer["name"], **OPERATIONS[name](number)}
    nodes = [[[source, place, tensor, {}]]]
    return {"class_name": "Rescaling", "config": config, "name": layer["name"], "inbound_nodes": nodes}
