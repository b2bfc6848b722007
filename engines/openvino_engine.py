"""Run a model with OpenVINO: built by Keras on its OpenVINO backend, so TensorFlow is not imported."""

from pathlib import Path

import numpy as np
import openvino
from openvino import opset16 as opset

from engines.graph_cache import cached_graph
from errors import UsageError
from models import ModelSpec

#            precision    hint   what the device must be capable of
OPENVINO_PRECISIONS = {
    "float32":  ("f32",  "FP32"),
    "bfloat16": ("bf16", "BF16"),
    "float16":  ("f16",  "FP16"),
}  # fmt: skip


class OpenVINOEngine:
    """One graph for one picture, run by as many asynchronous requests as keep every core busy."""

    def __init__(
        self, spec: ModelSpec, weights: str, classes: int, device: str, precision: str, cache_dir: Path | None
    ) -> None:
        core = openvino.Core()
        device = _openvino_device(device, core.available_devices)
        hint = _precision_hint(precision, device, core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
        graph = cached_graph(spec, weights, classes, cache_dir, lambda: build_graph(spec, weights, classes))
        graph.reshape([1, spec.input_size, spec.input_size, 3])
        config = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "THROUGHPUT"}
        self._requests = openvino.AsyncInferQueue(core.compile_model(graph, device, config))
        self._classes = classes

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        scores = np.empty((len(pixels), self._classes), np.float32)

        def keep(request: openvino.InferRequest, index: int) -> None:
            scores[index] = request.get_output_tensor().data[0]

        self._requests.set_callback(keep)
        for index in range(len(pixels)):
            self._requests.start_async(pixels[index : index + 1], index)
        self._requests.wait_all()
        return scores


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


def _precision_hint(precision: str, device: str, capabilities: list[str]) -> str:
    """Return OpenVINO's name for a precision; raises UsageError when the device would only pretend."""
    hint, capability = OPENVINO_PRECISIONS[precision]
    if capability not in capabilities:
        able = [name for name, (_hint, needed) in OPENVINO_PRECISIONS.items() if needed in capabilities]
        raise UsageError(
            f"--precision {precision}: this {device} computes in {', '.join(able)} only "
            "(bfloat16 needs AMX or AVX512-BF16, float16 needs AMX-FP16 or a GPU)"
        )
    return hint
