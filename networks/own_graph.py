"""Build a Keras model of one's own from its description: only Keras's own layers, and numbers."""

import json
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import KerasTensor, ops

from errors import UsageError
from models import MODELS
from networks.applications import load_weights, tensorflow_not_imported, why_not_loaded
from networks.own import OwnModel
from networks.own_channels import channels_first
from networks.own_layers import WITHOUT_EFFECT
from networks.saved_model import as_file

MOST_FEATURES = 4096  # above, a map that is made a row gives way to its mean
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


def load_own(model: OwnModel, weights: str) -> keras.Model:
    """Return a model with the weights of a file, or "none": what `preprocess` returns -> float32 probabilities [N, C].

    All layers are on one level. Of a backbone: -> features [N, F]. In Keras's data format. Raises UsageError when
    Keras cannot build it, or its weights do not fit, and ChannelsLastOnly where there is no other.
    """
    if model.is_saved_model:
        raise UsageError(
            f"{model.name} is a SavedModel, which only OpenVINO's own graphs are made of here; {as_file(model.name)}"
        )
    try:
        with warnings.catch_warnings(action="ignore"), tensorflow_not_imported():  # of what Keras 2 wrote
            built = keras.saving.deserialize_keras_object(json.loads(model.description), safe_mode=True)
            if weights != "none":
                load_weights(built, weights)
    except UsageError:
        raise
    except Exception as error:  # Keras raises almost anything for what it does not know
        raise UsageError(
            f"the model in {model.name} cannot be built: {why_not_loaded(error)}; is it of another version of Keras "
            f"(this is {keras.__version__}), or has it layers of one's own?"
        ) from error
    is_first = keras.config.image_data_format() == "channels_first"
    inputs = keras.Input(built.input_shape[:0:-1] if is_first else built.input_shape[1:], name="inputs")
    with tensorflow_not_imported():
        outputs = _Level(weights != "none").of(built)(ops.cast(inputs, built.inputs[0].dtype))
    if model.outline.features:
        return keras.Model(inputs, _features(outputs, model), name=model.name)
    if built.output_shape != (None, model.outline.units):
        raise UsageError(
            f"{model.name} gives {built.output_shape} for a picture, and not a row of {model.outline.units} scores"
        )
    return keras.Model(inputs, _probabilities(outputs, model), name="own")


def _features(outputs: KerasTensor, model: OwnModel) -> KerasTensor:
    """Return features [N, F]: what goes into a model's last layers, or the mean of a map."""
    features = outputs
    for _ in range(model.outline.tail):
        features = features._keras_history.operation.input
    operation = features._keras_history.operation
    if isinstance(operation, keras.layers.Flatten) and features.shape[1] > MOST_FEATURES:
        features = operation.input
    if len(features.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D(name="mean_of_map")(features)
    if len(features.shape) != 2:
        raise UsageError(
            f"{model.name} cannot be a backbone: {model.outline.features} gives {features.shape} for a picture, and "
            "features are a row of numbers, or a map of them whose mean is taken; put a pooling layer behind it"
        )
    return features


def _probabilities(scores: KerasTensor, model: OwnModel) -> KerasTensor:
    if model.outline.is_logits:
        scores = keras.layers.Activation(model.outline.activation, name="added_activation")(scores)
    if model.outline.units == 1:  # p -> [1 - p, p]
        both = keras.layers.Dense(2, trainable=False, name="both_classes")
        both.build((None, 1))
        both.set_weights([ops.convert_to_tensor([[-1.0, 1.0]]), ops.convert_to_tensor([1.0, 0.0])])
        scores = both(scores)
    return keras.layers.Activation("linear", dtype="float32", name="scores")(scores)


class _Level:
    """Puts copies of layers on one level, under names of their own; those that only work in training stay away."""

    def __init__(self, with_weights: bool) -> None:
        self._count, self._with_weights = 0, with_weights

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
        if isinstance(copy, keras.Layer) and self._with_weights:
            copy.set_weights(layer.get_weights())
        if isinstance(copy, keras.layers.Normalization):
            copy.finalize_state()
        return outputs
