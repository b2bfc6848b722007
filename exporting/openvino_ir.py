"""OpenVINO's IR, model.xml and model.bin: convolutions are channels-first, as OpenVINO is quickest with."""

from collections.abc import Callable

import numpy as np
import openvino

from exporting.order import Order


def write(order: Order) -> None:
    """Write the two files; labels and what Intel's Model API reads are in rt_info/model_info."""
    from networks.openvino_graph import build_graph  # imports Keras

    graph = build_graph(order.classifier.network, order.classifier.weights, batch=-1)
    graph.input(0).tensor.set_names({"pixels"})
    graph.output(0).tensor.set_names({"probabilities"})
    for key, value in order.metadata.items():
        graph.set_rt_info(value, ["model_info", key])
    for key, value in _model_api(order).items():
        graph.set_rt_info(value, ["model_info", key])
    openvino.save_model(graph, order.path, compress_to_fp16=order.precision == "float16")


def _model_api(order: Order) -> dict[str, str]:
    """Return what Model API asks for: labels are parted by blanks, and pictures come from OpenCV, in BGR."""
    names = ("_".join(label.label.split()) for label in order.classifier.labels)
    return {"model_type": "Classification", "labels": " ".join(names), "reverse_input_channels": "YES"}


def load(order: Order) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs it on the CPU, in float32: by default OpenVINO takes bfloat16 where a CPU has it."""
    compiled = openvino.Core().compile_model(order.path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda squares: compiled(squares)[0]
