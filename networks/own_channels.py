"""A layer that was made for channels last, remade for channels first, which OpenVINO computes faster."""

from typing import Any

import keras

SIMPLE = (  # that have data_format, or treat every number alike
    "Activation", "Add", "Average", "AveragePooling2D", "Conv2D", "Cropping2D", "DepthwiseConv2D", "Flatten",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "LeakyReLU", "MaxPooling2D", "Maximum", "Multiply", "ReLU",
    "Rescaling", "SeparableConv2D", "UpSampling2D", "ZeroPadding2D",
)  # fmt: skip
WITH_AXIS = ("BatchNormalization", "Concatenate", "Normalization")
OPERATIONS = ("Add", "Divide", "Multiply", "Subtract", "TrueDivide")  # of tensors and numbers


class ChannelsLastOnly(Exception):
    """A model cannot be remade."""


def channels_first(layer: keras.Operation, config: dict[str, Any], inputs: Any) -> dict[str, Any]:
    """Return what a layer is remade with, given its new inputs; raises ChannelsLastOnly for one that is not known."""
    kind = type(layer).__name__
    given = keras.tree.flatten(inputs)
    ranks = {len(one.shape) for one in given if isinstance(one, keras.KerasTensor)}
    if kind == "Reshape" and ranks == {2} and tuple(config["target_shape"][:2]) == (1, 1):  # of squeeze-and-excite
        return config | {"target_shape": config["target_shape"][::-1]}
    if max(ranks) <= 2 and kind != "Reshape":
        return config
    if kind in WITH_AXIS and ranks == {4} and _is_last(config["axis"]):
        return config | {"axis": 1}
    is_operation = kind in OPERATIONS and not isinstance(layer, keras.Layer)
    if is_operation and all(isinstance(one, keras.KerasTensor | int | float) for one in given):
        return config
    if not is_operation and kind in SIMPLE and "softmax" not in str(config.get("activation")):
        return config | {key: "channels_first" for key in ("data_format",) if key in config}
    raise ChannelsLastOnly(kind)


def _is_last(axis: Any) -> bool:
    return axis in (-1, 3, [-1], [3], (-1,), (3,))
