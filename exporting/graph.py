"""A classifier as a TensorFlow module: its graph, for all formats that TensorFlow writes."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from exporting.order import Order
from networks.trained import build


class Served(tf.Module):
    """`serve` computes what a Keras model does; `is_halved` keeps kernels in float16, which are cast for computing.

    The model itself is no attribute, or a SavedModel would have all variables twice.
    """

    def __init__(self, order: Order, is_halved: bool = False) -> None:
        super().__init__()
        model = build(order.classifier.network, order.classifier.weights)
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        self.kept = [tf.Variable(_kept(variable, is_halved), trainable=False) for variable in variables]
        pixels = tf.TensorSpec([None, *model.input_shape[1:]], tf.uint8, name="pixels")
        self.serve = tf.function(_computing(model, self.kept), input_signature=[pixels])


def _kept(variable: keras.Variable, is_halved: bool) -> tf.Tensor:
    is_kernel = is_halved and len(variable.shape) > 1 and variable.dtype == "float32"
    return tf.cast(variable.value, tf.float16 if is_kernel else variable.dtype)


def _computing(model: keras.Model, kept: Sequence[tf.Variable]) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return a function of uint8 RGB [N, S, S, 3] that computes with what is kept."""
    count = len(model.trainable_variables)
    dtypes = [variable.dtype for variable in (*model.trainable_variables, *model.non_trainable_variables)]

    def compute(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        values = [tf.cast(*pair) for pair in zip(kept, dtypes, strict=True)]
        outputs, _updated = model.stateless_call(values[:count], values[count:], pixels, training=False)
        return {"probabilities": outputs}

    return compute
