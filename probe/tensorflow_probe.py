"""TensorFlow as the probe needs it: what it sees, and how it computes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from engines.nvidia import NvidiaDriver, found_cuda, found_cudnn, gpu_memory
from probe.reports import Build, Device


class Probe:
    """TensorFlow, one operation after the other."""

    def __init__(self) -> None:
        import tensorflow

        self._tf = tensorflow
        self.version = tensorflow.__version__

    def gpus(self, driver: NvidiaDriver) -> list[Device]:
        """Return the GPUs that TensorFlow sees."""
        gpus = self._tf.config.list_physical_devices("GPU")
        details = [self._tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return [
            Device(
                f"gpu:{number}", detail.get("device_name", "GPU"), gpu_memory(driver, number),
                ".".join(map(str, detail.get("compute_capability", ()))),
            )
            for number, detail in enumerate(details)
        ]  # fmt: skip

    def build(self) -> Build:
        """Return what TensorFlow was built for, and finds."""
        info = self._tf.sysconfig.get_build_info()
        if not info.get("is_cuda_build"):
            return Build()
        cuda, cudnn = info.get("cuda_version", ""), info.get("cudnn_version", "")
        return Build(cuda, cudnn, found_cuda(cuda), found_cudnn(cudnn))

    def use_float32(self) -> None:
        """Turn TensorFloat-32 off."""
        self._tf.config.experimental.enable_tensor_float_32_execution(False)

    def prepare(self, task: str, left: np.ndarray, right: np.ndarray, device: str) -> Callable[[], Any]:
        """Put the operands on the device and return what starts the computation there."""
        tf, place = self._tf, self._tf.device("/CPU:0" if device == "cpu" else f"/{device.upper()}")
        with place:
            left, right = tf.identity(left), tf.identity(right)

        def run() -> Any:
            with tf.device(left.device):
                return (
                    tf.linalg.matmul(left, right) if task == "matrix_product" else tf.nn.conv2d(left, right, 1, "SAME")
                )

        return run

    def wait(self, _result: Any) -> None:
        """Return when all is computed."""
        self._tf.test.experimental.sync_devices()

    def fetch(self, _task: str, result: Any) -> np.ndarray:
        """Copy a result to the CPU."""
        return result.numpy()
