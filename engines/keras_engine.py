"""Run a model with Keras itself on TensorFlow, JAX or PyTorch."""

import functools
import importlib
import logging
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import numpy as np

from engines.backends import BACKENDS, gpu_hint
from engines.noise import hidden_native_noise
from engines.nvidia import has_nvidia_gpu
from engines.runtime import Runtime
from errors import UsageError
from networks import Network
from networks.weights import Weights

logger = logging.getLogger("suite")

DTYPE_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


class Framework(Protocol):
    """What a `keras_on_*.py` has."""

    COMPILE_OPTIONS: dict[str, Any]  # for keras.Model.compile
    FIT_TAKES_A_BATCH: bool  # which `fit` builds metrics with, before it asks for the batches of the first epoch

    def gpus(self) -> list[str]:
        """Return Keras's names of the GPUs that the framework sees."""

    def set_up(self, device: str) -> None:
        """Make it compute float32 in float32, on a device that the user names."""

    def make_deterministic(self) -> None:
        """Make it compute the same bits every time."""


def load(network: Network, weights: Weights, runtime: Runtime) -> "KerasEngine":
    """Build a network on the backend that Keras runs on; raises UsageError as `engines.load_engine`."""
    return KerasEngine(network, weights, runtime)


def framework(backend: str) -> Framework:
    """Import a backend that Keras trains on, and return its module."""
    with hidden_native_noise():
        return cast(Framework, importlib.import_module(BACKENDS[backend].engine))


class KerasEngine:
    """Compiled for one batch size: a shorter batch is padded up to the longest so far."""

    def __init__(self, network: Network, weights: Weights, runtime: Runtime) -> None:
        self._scope = start_keras(runtime.device, runtime.precision)
        self._batch_size = 1
        self._limit = sys.maxsize  # pictures that fit into the device's memory at once
        import keras

        from networks.trained import build

        with self._scope():
            self._model = build(network, weights)
        if options := framework(keras.backend.backend()).COMPILE_OPTIONS:
            self._model.compile(**options)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Compute uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes], or features [N, F]."""
        parts = []
        while len(pixels):
            part = pixels[: self._limit]
            try:
                parts.append(self._predict(part))
            except Exception as error:  # each framework has an exception of its own for this
                if not _is_out_of_memory(error) or len(part) == 1:
                    raise
                self._limit = self._batch_size = len(part) // 2
                logger.warning("out of memory with %d pictures at once: continuing with %d", len(part), self._limit)
            else:
                pixels = pixels[len(part) :]
        return np.concatenate(parts)

    def _predict(self, pixels: np.ndarray) -> np.ndarray:
        self._batch_size = max(self._batch_size, len(pixels))
        padding = [(0, self._batch_size - len(pixels)), *[(0, 0)] * (pixels.ndim - 1)]
        with self._scope():
            scores = self._model.predict_on_batch(np.pad(pixels, padding))
        return np.asarray(scores[: len(pixels)], np.float32)


def start_keras(device: str = "auto", precision: str = "float32") -> Callable[[], AbstractContextManager]:
    """Import Keras, set it up to compute in `precision`, and return what puts its work on a device: `with scope():`.

    Raises UsageError when the device is not there.
    """
    with hidden_native_noise():
        import keras

        backend = keras.backend.backend()
        gpus = framework(backend).gpus()
        framework(backend).set_up(device)
    keras_device = _keras_device(device, gpus, backend)
    if precision != "float32" and keras_device == "cpu":
        logger.warning(
            "--precision %s on a CPU: %s computes in it, but most CPUs are slower with it", precision, backend
        )
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
    return f"NVIDIA's driver has a GPU, but this {backend} cannot use it; {gpu_hint(backend)}"
