"""A classifier as TensorFlow's graph, for all formats that TensorFlow writes."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from exporting.order import Order
from networks.trained import build

Compute = Callable[[tf.Tensor, Sequence[tf.Tensor]], dict[str, tf.Tensor]]


class Served(tf.Module):
    """`serve` computes what a Keras model does; `is_halved` keeps kernels in float16, which are cast for computing.

    The model itself is no attribute, or a SavedModel would have all variables twice.
    """

    def __init__(self, order: Order, is_halved: bool = False) -> None:
        super().__init__()
        model = build(order.classifier.network, order.classifier.weights)
        self.kept = [tf.Variable(_kept(variable, is_halved), trainable=False) for variable in _variables(model)]
        compute = _computing(model)
        self.serve = tf.function(lambda pixels: compute(pixels, self.kept), input_signature=[_pixels(model)])


def trace_apart(order: Order, least: int) -> tuple[tf.types.experimental.ConcreteFunction, dict[str, keras.Variable]]:
    """Return what computes a classifier from pixels and its kernels of `least` numbers or more, and those by name."""
    model = build(order.classifier.network, order.classifier.weights)
    named = {f"kernel_{place}": variable for place, variable in enumerate(_variables(model))}
    apart = {name: variable for name, variable in named.items() if tf.size(variable.value) >= least}
    inside = {name: tf.convert_to_tensor(variable.value) for name, variable in named.items() if name not in apart}
    compute = _computing(model)

    def serve(pixels: tf.Tensor, kernels: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        both = inside | kernels
        return compute(pixels, [both[name] for name in named])

    specs = {name: tf.TensorSpec(variable.shape, variable.dtype, name) for name, variable in apart.items()}
    return tf.function(serve, input_signature=[_pixels(model), specs]).get_concrete_function(), apart


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.trainable_variables, *model.non_trainable_variables]


def _kept(variable: keras.Variable, is_halved: bool) -> tf.Tensor:
    is_kernel = is_halved and len(variable.shape) > 1 and variable.dtype == "float32"
    return tf.cast(variable.value, tf.float16 if is_kernel else variable.dtype)


def _pixels(model: keras.Model) -> tf.TensorSpec:
    return tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8, name="pixels")


def _computing(model: keras.Model) -> Compute:
    """Return a function of uint8 RGB [N, S, S, 3] and the numbers of all variables, which are cast as they are used."""
    count = len(model.trainable_variables)
    dtypes = [variable.dtype for variable in _variables(model)]

    def compute(pixels: tf.Tensor, kept: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        values = [tf.cast(*pair) for pair in zip(kept, dtypes, strict=True)]
        outputs, _updated = model.stateless_call(values[:count], values[count:], pixels, training=False)
        return {"probabilities": outputs}

    return compute
