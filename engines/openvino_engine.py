"""Run a model with OpenVINO: built by Keras on its OpenVINO backend, so TensorFlow is not imported."""

import numpy as np
import openvino
from openvino import opset16 as opset

from errors import UsageError
from models import ModelSpec


class OpenVINOEngine:
    """The exported graph, compiled for one device in float32."""

    def __init__(self, spec: ModelSpec, weights: str, classes: int, device: str) -> None:
        core = openvino.Core()
        device = _openvino_device(device, core.available_devices)
        config = {"INFERENCE_PRECISION_HINT": "f32"}  # or CPUs with AMX would compute in bfloat16
        self._compiled = core.compile_model(build_graph(spec, weights, classes), device, config)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        return self._compiled(pixels)[0]


def _openvino_device(device: str, available: list[str]) -> str:
    """Return OpenVINO's name for the user's device; raises UsageError when it is not there."""
    if device in ("auto", "cpu"):
        return "CPU"
    kind, _, number = device.upper().partition(":")
    name = f"{kind}.{number}" if number else kind
    if not any(name in (seen, seen.partition(".")[0]) for seen in available):
        raise UsageError(
            f"--device {device}: OpenVINO sees only {', '.join(available)} (it uses Intel GPUs), and no "
            "NVIDIA driver with a GPU that TensorFlow can use answers on this machine; --device cpu works"
        )
    return name


def build_graph(spec: ModelSpec, weights: str, classes: int) -> openvino.Model:
    """Return the network as an OpenVINO graph for any batch size.

    Not `model.export(format="openvino")`, which fixes a batch of 1 inside VGG's Flatten.
    """
    import keras

    from engines.network import build_model

    model = build_model(spec, weights, classes)
    pixels = opset.parameter([-1, spec.input_size, spec.input_size, 3], np.uint8, name="pixels")
    probabilities = model(keras.ops.convert_to_tensor(pixels.output(0)), training=False)
    return openvino.Model([opset.result(probabilities.output)], [pixels], spec.name)
