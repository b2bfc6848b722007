"""Where in a picture a network sees a class: Grad-CAM (Selvaraju 2017), of any network on any backend.

A network is cut at its last feature map. The part called "maps" computes that map beside the probabilities; the
part called "heat" weighs a map's channels by their mean gradient towards a class, which the part called "channels" is.
That gradient is written out, layer by layer, because the engines that are fast have none. Where pooling and a dense
layer are all that follows, as in most networks, it is the dense layer's weights, and the heat is the class activation
map (Zhou 2016).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np
from keras import KerasTensor, ops

from networks import Network
from networks.applications import keras_configured, preprocessed
from networks.cut import above, below, output_at, size_at
from networks.trained import backbone_networks, build, joined, made_smaller
from networks.weights import Weights


def build_part(network: Network, weights: Weights, data_format: str) -> keras.Model:
    """Return the part of a network that it names, with its weights."""
    whole = replace(network, part="whole")
    if network.part == "maps":
        return build_maps(whole, build(whole, weights, data_format), data_format)
    return {"heat": build_heat, "channels": build_channels}[network.part](whole, build(whole, weights))


def build_maps(network: Network, whole: keras.Model, data_format: str) -> keras.Model:
    """Return uint8 RGB [N, S, S, 3] -> [N, classes + M]: probabilities, and the last feature maps as a row."""
    with keras_configured(data_format):
        pixels = keras.Input(whole.input_shape[1:], dtype="uint8", name="pixels")
        square = ops.cast(pixels, "float32")
        rows, ends = [], []
        for spec, backbone in zip(network.backbones, backbone_networks(whole), strict=True):
            cut = last_map(backbone)
            seen = keras.Model(backbone.inputs, [below(backbone, cut).output, backbone.output])
            row, end = seen(preprocessed(made_smaller(square, spec.input_size, spec.name), spec))
            rows.append(ops.cast(row, "float32"))
            ends.append(end)
        answers = ends[0] if network.head is None else whole.get_layer("head")(joined(ends))
        return keras.Model(pixels, keras.layers.Concatenate(dtype="float32")([answers, *rows]), name="maps")


def build_heat(network: Network, whole: keras.Model) -> keras.Model:
    """Return float32 [N, M + 1] -> [N, G * G]: feature maps as rows, and the index of a class -> its heat, unscaled.

    The heat of several backbones is added, on the finest grid among theirs.
    """
    rows, maps, weights = _weighed(network, whole)
    grid = max(one.shape[1] for one in maps)
    total = ops.zeros((1, grid, grid))
    for one, each in zip(maps, weights, strict=True):
        total = ops.add(total, _enlarged(ops.sum(ops.multiply(one, each), axis=-1), grid))
    return keras.Model(rows, ops.reshape(ops.relu(total), (-1, grid * grid)), name="heat")


def build_channels(network: Network, whole: keras.Model) -> keras.Model:
    """Return float32 [N, M + 1] -> [N, C] of a network of one backbone: what `build_heat` weighs its channels by."""
    rows, _maps, (weights,) = _weighed(network, whole)
    return keras.Model(rows, ops.reshape(weights, (-1, weights.shape[-1])), name="channels")


def _weighed(network: Network, whole: keras.Model) -> tuple[KerasTensor, list[KerasTensor], list[KerasTensor]]:
    """Return rows, and of each backbone the map [N, G, G, C] that is in them and its channels' weights [N, 1, 1, C]."""
    backbones = backbone_networks(whole)
    cuts = [last_map(backbone) for backbone in backbones]
    tails = [above(*pair).operations[1:] for pair in zip(backbones, cuts, strict=True)]
    head = [] if network.head is None else whole.get_layer("head").operations[1:]
    rows = keras.Input((sum(size_at(*pair) for pair in zip(backbones, cuts, strict=True)) + 1,), name="rows")
    maps = _split_maps(rows, [output_at(*pair) for pair in zip(backbones, cuts, strict=True)])
    classes = ops.cast(rows[:, -1], "int32")
    ending, gradient = _towards(classes, head or tails[0], whole.output_shape[-1])
    head, tails = (ending, tails) if head else ([], [ending])
    values = [_forward_apart(*each) for each in zip(tails, maps, [each.name for each in backbones], strict=True)]
    features = [each[-1] for each in values]
    gradient = _backward(head, _forward(head, joined(features)), gradient)
    weights, start = [], 0
    for tail, each in zip(tails, values, strict=True):
        end = start + each[-1].shape[-1]
        weights.append(_channel_weights(tail, each, gradient[:, start:end]))
        start = end
    return rows, maps, weights


def last_map(network: keras.Model) -> int:
    """Return the cut at a network's last feature map, before a pooling layer."""
    for cut, operation in enumerate(reversed(network.operations)):
        shape: tuple[int, ...] = getattr(operation.output, "shape", ())  # some operations have several outputs
        is_pooled = isinstance(operation, keras.layers.GlobalAveragePooling2D) or _is_halved(operation)
        if len(shape) == 4 and min(sorted(shape[1:])[:2]) > 1 and not is_pooled:
            return cut
    raise ValueError(f"{network.name} has no feature map")


def _is_halved(operation: keras.Operation) -> bool:
    """Return whether it is the pooling whose gradient `_of_maximum` is."""
    if not isinstance(operation, keras.layers.MaxPooling2D) or tuple(operation.pool_size) != (2, 2):
        return False
    places = slice(2, 4) if operation.data_format == "channels_first" else slice(1, 3)
    return operation.input.shape[places] == tuple(2 * side for side in operation.output.shape[places])


def _split_maps(rows: KerasTensor, outputs: Sequence[KerasTensor]) -> list[KerasTensor]:
    maps, start = [], 0
    for output in outputs:
        size = math.prod(output.shape[1:])
        maps.append(ops.reshape(rows[:, start : start + size], (-1, *output.shape[1:])))
        start += size
    return maps


def _enlarged(heat: KerasTensor, grid: int) -> KerasTensor:
    """Resize [N, H, H] to [N, G, G], bilinear."""
    size = heat.shape[1]
    if size == grid:
        return heat
    places = (np.arange(grid) + 0.5) * size / grid - 0.5
    matrix = np.stack([np.interp(places, range(size), row) for row in np.eye(size)]).astype(np.float32)  # [H, G]
    columns = ops.matmul(heat, matrix)
    return ops.transpose(ops.matmul(ops.transpose(columns, (0, 2, 1)), matrix), (0, 2, 1))


def _forward(layers: Sequence[keras.Operation], value: KerasTensor) -> list[KerasTensor]:
    """Return what goes into a chain of layers, and what comes out of each."""
    values = [value]
    for layer in layers:
        values.append(layer(values[-1]))
    return values


def _forward_apart(layers: Sequence[keras.Operation], value: KerasTensor, name: str) -> list[KerasTensor]:
    """As `_forward`, in a model of its own: the layers of two backbones may have the same names."""
    inputs = keras.Input(value.shape[1:])
    outputs = _forward(layers, inputs)[1:]
    return [value, *keras.tree.flatten(keras.Model(inputs, outputs, name=name)(value))]


def _backward(layers: Sequence[keras.Operation], values: Sequence[KerasTensor], gradient: KerasTensor) -> KerasTensor:
    """Return the gradient at a chain's beginning, given that at its end; of softmax and sigmoid, that before them."""
    for layer, x, y in reversed(list(zip(layers, values, values[1:], strict=False))):
        gradient = GRADIENTS[type(layer).__name__](layer, x, y, gradient)
    return gradient


def _channel_weights(
    tail: Sequence[keras.Operation], values: Sequence[KerasTensor], gradient: KerasTensor
) -> KerasTensor:
    """Return the sum over all places of the gradient at a feature map, [N, 1, 1, C], given that at its tail's end."""
    if tail and isinstance(tail[0], keras.layers.GlobalAveragePooling2D):  # gives each place an equal share
        return ops.reshape(_backward(tail[1:], values[1:], gradient), (-1, 1, 1, values[0].shape[-1]))
    return ops.sum(_backward(tail, values, gradient), axis=(1, 2), keepdims=True)


def _towards(
    classes: KerasTensor, layers: Sequence[keras.Operation], count: int
) -> tuple[Sequence[keras.Operation], KerasTensor]:
    """Return a chain of layers without its last dense one, and the gradient towards classes [N] where that begins.

    It is a row of that layer's weights: to multiply all of them by zeros and a one costs more than all the rest.
    """
    for place, layer in reversed(list(enumerate(layers))):
        if isinstance(layer, keras.layers.Dense) and layer.activation is not keras.activations.relu:
            return layers[:place], ops.take(ops.transpose(layer.kernel), classes, axis=0)
        if GRADIENTS[type(layer).__name__] is not _of_shape and getattr(layer, "activation", None) not in UNSCALED:
            break
    return layers, ops.one_hot(classes, count)


def _of_dense(layer: keras.layers.Dense, _x: KerasTensor, y: KerasTensor, gradient: KerasTensor) -> KerasTensor:
    if layer.activation is keras.activations.relu:
        gradient = ops.multiply(gradient, ops.cast(y > 0, "float32"))
    return ops.matmul(gradient, ops.transpose(layer.kernel))


def _of_pointwise(layer: keras.layers.Conv2D, _x: KerasTensor, _y: KerasTensor, gradient: KerasTensor) -> KerasTensor:
    return ops.matmul(gradient, ops.transpose(layer.kernel[0, 0]))


def _of_mean(_layer: keras.Layer, x: KerasTensor, _y: KerasTensor, gradient: KerasTensor) -> KerasTensor:
    height, width, channels = x.shape[1:]
    mean = ops.reshape(gradient, (-1, 1, 1, channels)) / (height * width)
    return ops.multiply(ops.ones((1, height, width, 1)), mean)


def _of_maximum(
    _layer: keras.layers.MaxPooling2D, x: KerasTensor, y: KerasTensor, gradient: KerasTensor
) -> KerasTensor:
    """Give each largest value of a window its share."""
    height, width, channels = y.shape[1:]
    windows = ops.reshape(x, (-1, height, 2, width, 2, channels))
    largest = ops.reshape(y, (-1, height, 1, width, 1, channels))
    is_largest = ops.cast(ops.equal(windows, largest), "float32")
    share = ops.reshape(gradient, (-1, height, 1, width, 1, channels)) / ops.sum(is_largest, axis=(2, 4), keepdims=True)
    return ops.reshape(ops.multiply(is_largest, share), (-1, *x.shape[1:]))


def _of_normalization(
    layer: keras.layers.LayerNormalization, x: KerasTensor, _y: KerasTensor, gradient: KerasTensor
) -> KerasTensor:
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + layer.epsilon)
    normal, scaled = centred / deviation, ops.multiply(gradient, layer.gamma)
    along = ops.multiply(normal, ops.mean(ops.multiply(scaled, normal), axis=-1, keepdims=True))
    return (scaled - ops.mean(scaled, axis=-1, keepdims=True) - along) / deviation


def _of_activation(
    layer: keras.layers.Activation, x: KerasTensor, _y: KerasTensor, gradient: KerasTensor
) -> KerasTensor:
    if layer.activation is keras.activations.hard_silu:
        slope = ops.where(x < -3, ops.zeros_like(x), ops.where(x > 3, ops.ones_like(x), x / 3 + 0.5))
        return ops.multiply(gradient, slope)
    if layer.activation not in UNSCALED:
        raise NotImplementedError(f"no gradient of {layer.activation.__name__} is written out")
    return gradient


def _of_batch_normalization(
    layer: keras.layers.BatchNormalization, _x: KerasTensor, _y: KerasTensor, gradient: KerasTensor
) -> KerasTensor:
    scale = ops.rsqrt(layer.moving_variance + layer.epsilon)
    return ops.multiply(gradient, scale if layer.gamma is None else layer.gamma * scale)


def _of_shape(_layer: keras.Layer, x: KerasTensor, _y: KerasTensor, gradient: KerasTensor) -> KerasTensor:
    return ops.reshape(gradient, (-1, *x.shape[1:]))


UNSCALED = keras.activations.linear, keras.activations.softmax, keras.activations.sigmoid  # the gradient before them
GRADIENTS = {
    "Activation": _of_activation,
    "BatchNormalization": _of_batch_normalization,
    "Conv2D": _of_pointwise,
    "Dense": _of_dense,
    "Dropout": _of_shape,
    "Flatten": _of_shape,
    "GlobalAveragePooling2D": _of_mean,
    "LayerNormalization": _of_normalization,
    "MaxPooling2D": _of_maximum,
    "Reshape": _of_shape,
    "Softmax": _of_shape,
}
