"""Run a model with OpenVINO: built by Keras on its OpenVINO backend, so TensorFlow is not imported."""

import tempfile
from pathlib import Path

import numpy as np
import openvino

from errors import UsageError
from models import ModelSpec


class OpenVINOEngine:
    """The exported graph, compiled for one device in float32."""

    def __init__(self, spec: ModelSpec, weights: str, classes: int, device: str) -> None:
        core = openvino.Core()
        device = _openvino_device(device, core.available_devices)
        config = {"INFERENCE_PRECISION_HINT": "f32"}  # or CPUs with AMX would compute in bfloat16
        self._compiled = core.compile_model(_export_graph(spec, weights, classes), device, config)

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


def _export_graph(spec: ModelSpec, weights: str, classes: int) -> openvino.Model:
    from engines.network import build_model

    model = build_model(spec, weights, classes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        model.export(str(path), format="openvino", verbose=False)
        core = openvino.Core()
        core.set_property({"ENABLE_MMAP": False})  # the file goes away
        return core.read_model(path)
