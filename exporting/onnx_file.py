"""ONNX, for onnxruntime in any language, on phones and in browsers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from exporting.order import Order

OPSET = 18  # onnxruntime 1.14 and newer run it
LEAST_APART = 2**17  # numbers of a kernel; larger than any depthwise one, which tf2onnx gives another shape
LEAST_HALVED = 64  # numbers of a kernel: smaller ones are not worth a Cast


def write(order: Order) -> None:
    """Write the file; the labels, and what model.json says of the input, are in its metadata_props."""
    import onnx

    model = _converted(order)
    if order.precision == "float16":
        _halve(model)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    model.producer_name, model.graph.name = "image-classifier-scripts", order.classifier.network.name
    onnx.helper.set_model_props(model, order.metadata)
    onnx.save(model, order.path)
    del model
    onnx.checker.check_model(order.path)


def _converted(order: Order) -> Any:
    """Return an onnx.ModelProto of TensorFlow's graph; of Keras's own exporter, VGG would have further inputs.

    Large kernels are inputs while tf2onnx works, which copies constants many times, and are put in afterwards.
    """
    import tensorflow as tf

    from exporting.graph import trace_apart

    tf.config.run_functions_eagerly(True)  # or what Keras compiles with XLA, ConvNeXt's convolutions, is no plain graph
    function, kernels = trace_apart(order, LEAST_APART)
    model = _to_onnx(function)
    del function, model.graph.input[1:]
    while kernels:
        name, variable = kernels.popitem()
        _put_in(model.graph, name, variable.numpy())
    return model


def _to_onnx(function: Any) -> Any:
    """Return an onnx.ModelProto of a concrete function, with its inputs in their order."""
    import tensorflow as tf
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    np.object = object  # type: ignore[attr-defined]  # which NumPy 2 no longer has, and tf2onnx asks for
    frozen = convert_variables_to_constants_v2(function)
    sources, target = [tensor.name for tensor in frozen.inputs], frozen.outputs[0].name
    names = {source: source.removesuffix(":0") for source in sources} | {target: "probabilities"}
    with tf.device("/cpu:0"):
        model, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(), input_names=sources, output_names=[target], opset=OPSET,
            tensors_to_rename=names, custom_op_handlers={"Erfc": (_convert_erfc, [])},
        )  # fmt: skip
    return model


def _put_in(graph: Any, name: str, kernel: np.ndarray) -> None:
    """Make an input of a graph a kernel that it has; one that is only transposed is kept so."""
    from onnx import numpy_helper

    users = [node for node in graph.node if name in node.input]
    if [node.op_type for node in users] == ["Transpose"]:
        (transpose,) = users
        name, kernel = transpose.output[0], kernel.transpose(transpose.attribute[0].ints)
        graph.node.remove(transpose)
    graph.initializer.append(numpy_helper.from_array(kernel, name))


def _convert_erfc(context: Any, node: Any, name: str, _arguments: list) -> None:
    """Make 1 - Erf of what TensorFlow's exact GELU computes, as in ConvNeXt, for ONNX has no Erfc."""
    shapes, types = node.output_shapes, node.output_dtypes
    context.remove_node(node.name)
    erf = context.make_node("Erf", node.input)
    one = context.make_const(f"{name}_one", np.array(1, np.float32))
    context.make_node("Sub", [*one.output, *erf.output], outputs=node.output, shapes=shapes, dtypes=types)


def _halve(model: Any) -> None:
    """Keep kernels in float16, and cast them to float32 before they are used, which runtimes do once, on loading."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for kept in model.graph.initializer:
        values = numpy_helper.to_array(kept)
        if kept.data_type == TensorProto.FLOAT and values.ndim > 1 and values.size >= LEAST_HALVED:
            name = kept.name
            kept.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_float16"))
            casts.append(helper.make_node("Cast", [kept.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def load(order: Order) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs it on the CPU."""
    session = onnxruntime.InferenceSession(order.path, providers=["CPUExecutionProvider"])
    return lambda squares: session.run(["probabilities"], {"pixels": squares})[0]
