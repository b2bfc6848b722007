"""A SavedModel as an OpenVINO graph: translated from the file, so that nothing of the file is executed.

None of OpenVINO's operations reads or writes files or calls code; what cannot be put into them is refused.
"""

import re

import keras
import numpy as np
import openvino
from openvino import opset16 as opset
from openvino.frontend import FrontEndManager

from errors import UsageError, first_line
from networks.applications import keras_configured
from networks.own import OwnModel
from networks.saved_model import as_file

PASSED = ("Convert", "Reshape", "Squeeze")  # between a softmax and the output
LOGITS = ("Add", "Convolution", "MatMul")


def translate(model: OwnModel, path: str) -> openvino.Model:
    """Return uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]; raises UsageError."""
    graph = _read(path)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        count = f"{len(graph.inputs)} inputs and {len(graph.outputs)}"
        raise UsageError(f"{path} has {count} outputs; a classifier takes one picture and gives one row of scores")
    (parameter,), size = graph.get_parameters(), model.input_size
    pixels = opset.parameter([-1, size, size, 3], np.uint8, name="inputs")
    fed = opset.convert(_preprocessed(model, pixels), parameter.get_element_type().to_dtype())
    for taker in parameter.output(0).get_target_inputs():
        taker.replace_source_output(fed.output(0))
    scores = _probabilities(path, graph.get_results()[0].input_value(0), model.outline.units)
    return openvino.Model([opset.result(scores)], [pixels], "saved_model")


def _read(path: str) -> openvino.Model:
    try:
        frontend = FrontEndManager().load_by_framework("tf")
        return frontend.convert(frontend.load(path))
    except Exception as error:  # OpenVINO's are of several classes
        unknown = re.search(r"No conversion rule found for operations: (.*)", str(error))
        why = f"OpenVINO does not know its operations {unknown[1]}" if unknown else first_line(error)
        raise UsageError(
            f"the SavedModel {path} cannot be translated: {why}. TensorFlow, which would execute whatever program it "
            f"holds, is not asked; {as_file(path)}"
        ) from error


def _preprocessed(model: OwnModel, pixels: openvino.Node) -> openvino.Output:
    with keras_configured("channels_last"):
        square = keras.Input((model.input_size, model.input_size, 3), dtype="uint8")
        inputs = model.preprocess_input(keras.ops.cast(square, "float32"), data_format="channels_last")
        way = keras.Model(square, inputs)
        return way(keras.ops.convert_to_tensor(pixels.output(0)), training=False).output


def _probabilities(path: str, scores: openvino.Output, units: int) -> openvino.Output:
    """Return scores as probabilities, [N, classes]: where the graph ends in no softmax or sigmoid, with one."""
    end = scores.get_node()
    while end.get_type_name() in PASSED:
        end = end.input_value(0).get_node()
    scores = opset.convert(scores, np.float32).output(0)
    if (kind := end.get_type_name()) in LOGITS:
        scores = (opset.sigmoid(scores) if units == 1 else opset.softmax(scores, 1)).output(0)
    elif kind not in ("Sigmoid", "Softmax"):
        raise UsageError(f"the SavedModel {path} ends in {kind}, and not in scores of classes")
    if units == 1:  # p -> [1 - p, p]
        scores = opset.concat([opset.subtract(np.float32(1), scores), scores], 1).output(0)
    return scores
