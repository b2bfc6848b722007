"""JAX as the probe needs it: what it sees, and how it computes."""

import importlib
import importlib.util
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from engines.nvidia import NvidiaDriver, cuda_version, cudnn_version, found_cuda, found_cudnn, gpu_memory
from errors import first_line
from probe.reports import Build, Device

CUDA_PLUGINS = {"13": "jax_cuda13_plugin", "12": "jax_cuda12_plugin"}


class Probe:
    """JAX, compiled."""

    def __init__(self) -> None:
        self._messages = _Messages()
        logging.getLogger("jax").addHandler(self._messages)
        import jax

        self._jax = jax
        self.version = jax.__version__

    def gpus(self, driver: NvidiaDriver) -> list[Device]:
        """Return the GPUs that JAX sees."""
        self._devices = [device for device in self._jax.devices() if device.platform == "gpu"]
        return [
            Device(
                f"gpu:{number}", device.device_kind, gpu_memory(driver, number),
                str(getattr(device, "compute_capability", "")),
            )
            for number, device in enumerate(self._devices)
        ]  # fmt: skip

    def build(self) -> Build:
        """Return what JAX's CUDA plugin was built for, and finds."""
        cuda = next((cuda for cuda, plugin in CUDA_PLUGINS.items() if importlib.util.find_spec(plugin)), None)
        if cuda is None:
            return Build()
        try:
            versions = importlib.import_module(f"{CUDA_PLUGINS[cuda]}._versions")
        except ImportError as error:
            return Build(cuda, message=self._messages.first or first_line(error))
        cuda, cudnn = cuda_version(versions.cuda_runtime_build_version()), cudnn_version(versions.cudnn_build_version())
        return Build(cuda, cudnn, found_cuda(cuda), found_cudnn(cudnn), message=self._messages.first)

    def use_float32(self) -> None:
        """Nothing to do: every computation here asks for the highest precision."""

    def prepare(self, task: str, left: np.ndarray, right: np.ndarray, device: str) -> Callable[[], Any]:
        """Put the operands on the device and return what starts the computation there."""
        jax, highest = self._jax, self._jax.lax.Precision.HIGHEST
        place = jax.devices("cpu")[0] if device == "cpu" else self._devices[int(device.partition(":")[2])]
        layouts = ("NHWC", "HWIO", "NHWC")

        def compute(left: Any, right: Any) -> Any:
            if task == "matrix_product":
                return jax.lax.dot(left, right, precision=highest)
            return jax.lax.conv_general_dilated(
                left, right, (1, 1), "SAME", dimension_numbers=layouts, precision=highest
            )

        compiled, operands = jax.jit(compute), (jax.device_put(left, place), jax.device_put(right, place))
        return lambda: compiled(*operands)

    def wait(self, result: Any) -> None:
        """Return when the result is computed."""
        result.block_until_ready()

    def fetch(self, _task: str, result: Any) -> np.ndarray:
        """Copy a result to the CPU."""
        return np.asarray(result)


class _Messages(logging.Handler):
    """Keeps the first error or warning of a framework that goes on without its GPU."""

    first = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and not self.first:
            error = record.exc_info[1] if record.exc_info else None
            self.first = first_line(error) if isinstance(error, Exception) else record.getMessage().partition("\n")[0]
