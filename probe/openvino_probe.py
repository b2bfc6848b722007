"""OpenVINO as the probe needs it: what it sees, and how it computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino
from openvino import opset16 as opset

from engines.nvidia import NvidiaDriver
from probe.compute import NCHW, NHWC, OIHW
from probe.reports import Build, Device


class Probe:
    """OpenVINO, a graph for each task; its GPU figures include the copies to the GPU and back."""

    def __init__(self) -> None:
        self._core = openvino.Core()
        self.version = openvino.__version__.partition("-")[0]

    def gpus(self, _driver: NvidiaDriver) -> list[Device]:
        """Return the GPUs that OpenVINO sees: Intel's."""
        names = [name for name in self._core.available_devices if name.startswith("GPU")]
        return [
            Device(
                name.lower().replace(".", ":"), self._property(name, "FULL_DEVICE_NAME"),
                self._property(name, "GPU_DEVICE_TOTAL_MEM_SIZE") or None,
                self._property(name, "DEVICE_ARCHITECTURE"),
            )
            for name in names
        ]  # fmt: skip

    def _property(self, device: str, name: str) -> Any:
        try:
            return self._core.get_property(device, name)
        except RuntimeError:
            return ""

    def build(self) -> Build:
        """Return nothing: OpenVINO knows no CUDA."""
        return Build()

    def use_float32(self) -> None:
        """Nothing to do: every graph is compiled for float32."""

    def prepare(self, task: str, left: np.ndarray, right: np.ndarray, device: str) -> Callable[[], Any]:
        """Put the operands on the device and return what starts the computation there."""
        if task == "convolution":
            left, right = left.transpose(NCHW), right.transpose(OIHW)
        operands = [np.ascontiguousarray(array) for array in (left, right)]
        inputs = [opset.parameter(array.shape, np.float32) for array in operands]
        if task == "convolution":
            output = opset.convolution(*inputs, [1, 1], [1, 1], [1, 1], [1, 1])
        else:
            output = opset.matmul(*inputs, False, False)
        graph = openvino.Model([opset.result(output)], inputs, task)
        config = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        request = self._core.compile_model(graph, device.upper().replace(":", "."), config).create_infer_request()
        return lambda: request.infer(operands, share_inputs=True, share_outputs=True)[0]

    def wait(self, _result: Any) -> None:
        """Nothing to do: `infer` returns when all is computed."""

    def fetch(self, task: str, result: Any) -> np.ndarray:
        """Copy a result, which the next computation would overwrite."""
        return np.array(result.transpose(NHWC) if task == "convolution" else result)
