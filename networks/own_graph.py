"""Build a Keras model of one's own from its file: only Keras's own layers, and numbers."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import KerasTensor, ops

from errors import UsageError
from models import MODELS
from networks.applications import load_weights, why_not_loaded
from networks.own import OwnModel
from networks.own_channels import channels_first
from networks.own_file import read_config
from networks.own_layers import WITHOUT_EFFECT

GREY = [[0.299], [0.587], [0.114]]  # of red, green and blue: ITU-R 601, as Pillow's convert("L")


def preprocess(model: OwnModel, square: KerasTensor, data_format: str | None = None) -> KerasTensor:
    """Return what a model takes of float32 RGB [N, S, S, 3], 0 to 255."""
    if model.outline.channels == 1:
        square = ops.floor(ops.matmul(square, ops.convert_to_tensor(GREY, "float32")) + 0.5)
    if model.preprocess == "0..1":
        return square / 255.0
    if model.preprocess == "-1..1":
        return square / 127.5 - 1.0
    if model.preprocess in MODELS:
        return MODELS[model.preprocess].preprocess_input(square, data_format=data_format)
    return square


def load_own(model: OwnModel, path: str) -> keras.Model:
    """Return a file's model: what `preprocess` returns -> float32 probabilities [N, classes], all layers on one level.

    In Keras's data format. Raises UsageError when Keras cannot build it, or its weights do not fit, and
    ChannelsLastOnly where there is no other.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Keras 2 wrote
            built = keras.saving.deserialize_keras_object(read_config(path), safe_mode=True)
            load_weights(built, path)
    except UsageError:
        raise
    except Exception as error:  # Keras raises almost anything for what it does not know
        raise UsageError(
            f"the model in {path} cannot be built: {why_not_loaded(error)}; is it of another version of Keras "
            f"(this is {keras.__version__}), or has it layers of one's own?"
        ) from error
    outputs = built.output_shape
    if outputs != (None, model.outline.units):
        raise UsageError(f"{path} gives {outputs} for a picture, and not a row of {model.outline.units} scores")
    return _flat(built, model)


def _flat(built: keras.Model, model: OwnModel) -> keras.Model:
    """Return a model without models in it, and with probabilities at its end."""
    is_first = keras.config.image_data_format() == "channels_first"
    inputs = keras.Input(built.input_shape[:0:-1] if is_first else built.input_shape[1:], name="inputs")
    scores = _Level().of(built)(ops.cast(inputs, built.inputs[0].dtype))
    if model.outline.is_logits:
        scores = keras.layers.Activation(model.outline.activation, name="added_activation")(scores)
    if model.outline.units == 1:  # p -> [1 - p, p]
        both = keras.layers.Dense(2, trainable=False, name="both_classes")
        both.build((None, 1))
        both.set_weights([ops.convert_to_tensor([[-1.0, 1.0]]), ops.convert_to_tensor([1.0, 0.0])])
        scores = both(scores)
    return keras.Model(inputs, keras.layers.Activation("linear", dtype="float32", name="scores")(scores), name="own")


class _Level:
    """Puts copies of layers on one level, under names of their own; those that only work in training stay away."""

    def __init__(self) -> None:
        self._count = 0

    def of(self, layer: Any) -> Callable:
        """Return what calls a copy of a layer, or of all layers of a model."""
        if isinstance(layer, keras.Sequential):
            layer = layer._functional
        if isinstance(layer, keras.Model):
            return lambda x, **_options: layer._run_through_graph(x, operation_fn=self.of)
        if type(layer).__name__.startswith("Random") or type(layer).__name__ in WITHOUT_EFFECT:
            return lambda x, **_options: x
        return partial(self._call_copy, layer)

    def _call_copy(self, layer: keras.Operation, *inputs: Any, **options: Any) -> Any:
        self._count += 1
        config = layer.get_config() | {"name": f"{layer.name}_{self._count}"}
        if keras.config.image_data_format() == "channels_first":
            config = channels_first(layer, config, inputs)
        copy = type(layer).from_config(config)
        outputs = copy(*inputs, **options)
        if isinstance(copy, keras.Layer):
            copy.set_weights(layer.get_weights())
        if isinstance(copy, keras.layers.Normalization):
            copy.finalize_state()
        return outputs
