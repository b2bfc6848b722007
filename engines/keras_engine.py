"""Run a model with Keras itself on TensorFlow, JAX or PyTorch."""

import functools
import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from engines.noise import hidden_native_noise
from engines.nvidia import GPU_COMMANDS, has_nvidia_gpu
from errors import UsageError
from trained import Spec

logger = logging.getLogger("suite")

DTYPE_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


class KerasEngine:
    """Compiled for one batch size: a shorter batch is padded up to the longest so far."""

    def __init__(self, spec: Spec, weights: str, classes: int, device: str, precision: str) -> None:
        self._scope = start_keras(device, precision)
        self._batch_size = 1
        self._limit = sys.maxsize  # pictures that fit into the device's memory at once
        import keras

        from engines.classifier import build

        with self._scope():
            self._model = build(spec, weights, classes)
        if keras.backend.backend() == "tensorflow":  # XLA makes depthwise convolutions ten times slower on a CPU
            self._model.compile(jit_compile=False)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        parts = []
        while len(pixels):
            part = pixels[: self._limit]
            try:
                parts.append(self._predict(part))
            except Exception as error:  # each framework has an exception of its own for this
                if not _is_out_of_memory(error) or len(part) == 1:
                    raise
                self._limit = self._batch_size = len(part) // 2
                logger.warning("out of memory with %d pictures at once: going on with %d", len(part), self._limit)
            else:
                pixels = pixels[len(part) :]
        return np.concatenate(parts)

    def _predict(self, pixels: np.ndarray) -> np.ndarray:
        self._batch_size = max(self._batch_size, len(pixels))
        padding = [(0, self._batch_size - len(pixels)), (0, 0), (0, 0), (0, 0)]
        with self._scope():
            scores = self._model.predict_on_batch(np.pad(pixels, padding))
        return np.asarray(scores[: len(pixels)], np.float32)


def start_keras(device: str = "auto", precision: str = "float32") -> Callable[[], AbstractContextManager]:
    """Import Keras, set it up to compute in `precision`, and return what puts its work on a device: `with scope():`.

    Raises UsageError when the device is not there.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with hidden_native_noise():
        import keras

        backend = keras.backend.backend()
        gpus = _find_gpus(backend)
        _prepare(backend, device)
    keras_device = _keras_device(device, gpus, backend)
    if precision != "float32" and keras_device == "cpu":
        logger.warning("--precision %s on a CPU: %s computes in it, but most CPUs are slower at it", precision, backend)
    keras.config.set_dtype_policy(DTYPE_POLICIES[precision])
    return functools.partial(keras.device, keras_device)


def _is_out_of_memory(error: Exception) -> bool:
    return bool(re.search(r"out of memory|RESOURCE_?EXHAUSTED|OutOfMemory", f"{type(error).__name__}: {error}", re.I))


def _keras_device(device: str, gpus: list[str], backend: str) -> str:
    """Return Keras's name for the user's device; raises UsageError when it is not there."""
    if device == "auto":
        device = "gpu" if gpus else "cpu"
    if device == "cpu":
        return "cpu"  # not "cpu:0": on PyTorch, Keras then fails at Dropout
    number = int(device.partition(":")[2] or 0)
    if not gpus:
        raise UsageError(f"--device {device}: {_why_no_gpu(backend)}; --device cpu works")
    if number >= len(gpus):
        raise UsageError(f"--device {device}: {backend} sees only {', '.join(gpus)}")
    return gpus[number]


def _why_no_gpu(backend: str) -> str:
    if not has_nvidia_gpu():
        return f"{backend} sees no GPU, and no NVIDIA driver with a GPU answers on this machine"
    return f"NVIDIA's driver has a GPU, but this {backend} cannot use it; {GPU_COMMANDS[backend]}"


def _find_gpus(backend: str) -> list[str]:
    if backend == "tensorflow":
        import tensorflow

        count = len(tensorflow.config.list_physical_devices("GPU"))
    elif backend == "jax":
        import jax

        count = sum(device.platform == "gpu" for device in jax.devices())
    else:
        import torch

        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [f"gpu:{number}" for number in range(count)]


def _prepare(backend: str, device: str) -> None:
    """Turn off TensorFloat-32, which is not float32, and let TensorFlow take GPU memory as it needs it."""
    if backend == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_tensor_float_32_execution(False)
        gpus = tensorflow.config.list_physical_devices("GPU")
        if device == "cpu":
            tensorflow.config.set_visible_devices([], "GPU")
            return
        for gpu in gpus:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
    elif backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "float32")
    else:
        import torch

        torch.backends.cudnn.allow_tf32 = False  # for convolutions; for matrix products it is off
