"""PyTorch as the probe needs it: what it sees, and how it computes."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from engines.nvidia import NvidiaDriver, cudnn_version, found_cuda
from errors import first_line
from probe.compute import NCHW, NHWC, OIHW
from probe.reports import Build, Device


class Probe:
    """PyTorch, one operation after the other."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self.version = torch.__version__

    def gpus(self, _driver: NvidiaDriver) -> list[Device]:
        """Return the GPUs that PyTorch sees, NVIDIA's or AMD's."""
        usable = self._torch.cuda.is_available()  # device_count() also counts those that the driver is too old for
        numbers = range(self._torch.cuda.device_count() if usable else 0)
        found = [self._torch.cuda.get_device_properties(number) for number in numbers]
        amd = self._torch.version.hip
        return [
            Device(f"gpu:{number}", gpu.name, gpu.total_memory, gpu.gcnArchName if amd else f"{gpu.major}.{gpu.minor}")
            for number, gpu in enumerate(found)
        ]

    def build(self) -> Build:
        """Return what PyTorch was built for, and finds."""
        cuda = self._torch.version.cuda
        if not cuda:
            return Build()
        message = ""
        try:
            self._torch.cuda.init()
        except Exception as error:  # "The NVIDIA driver on your system is too old ..."
            message = first_line(error)
        cudnn = cudnn_version(self._torch.backends.cudnn.version() or 0)
        return Build(cuda, self._built_cudnn(), found_cuda(cuda), cudnn, message=message)

    def _built_cudnn(self) -> str:
        with contextlib.suppress(AttributeError):  # PyTorch has no public name for it
            return ".".join(map(str, self._torch._C._cudnn.getCompileVersion()))
        return ""

    def use_float32(self) -> None:
        """Turn TensorFloat-32 off, which convolutions use by default; PyTorch 2.9 renamed the switches."""
        backends = self._torch.backends
        if hasattr(backends.cuda.matmul, "fp32_precision"):
            backends.cuda.matmul.fp32_precision = backends.cudnn.conv.fp32_precision = "ieee"
        else:
            backends.cuda.matmul.allow_tf32 = backends.cudnn.allow_tf32 = False

    def prepare(self, task: str, left: np.ndarray, right: np.ndarray, device: str) -> Callable[[], Any]:
        """Put the operands on the device and return what starts the computation there."""
        torch, self._place = self._torch, device.replace("gpu", "cuda")
        if task == "convolution":
            left, right = left.transpose(NCHW), right.transpose(OIHW)
        left, right = (torch.tensor(np.ascontiguousarray(array), device=self._place) for array in (left, right))
        if task == "matrix_product":
            return lambda: left @ right
        return lambda: torch.nn.functional.conv2d(left, right, padding="same")

    def wait(self, _result: Any) -> None:
        """Return when all is computed."""
        if self._place != "cpu":
            self._torch.cuda.synchronize(self._place)

    def fetch(self, task: str, result: Any) -> np.ndarray:
        """Copy a result to the CPU."""
        array = result.cpu().numpy()
        return array.transpose(NHWC) if task == "convolution" else array
