"""Inference engines: uint8 RGB [N, S, S, 3] in, float32 class probabilities [N, classes] out.

Of networks that end with their features, features [N, F] come out instead. An engine knows no files,
labels or top-k. To add one: its row in `backends.py`, and the file that the row names.
"""

import importlib
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from engines.backends import BACKENDS, CPU_BACKEND, GPU_BACKEND, is_installed, require_backend
from engines.noise import hidden_native_noise
from engines.nvidia import has_cuda_libraries, has_nvidia_gpu
from engines.runtime import AUTO, Runtime
from errors import UsageError
from native import NativeWork
from networks import Network
from networks.own import OwnModel
from networks.weights import Weights

if TYPE_CHECKING:
    import numpy as np

logger = logging.getLogger("suite")
_loading = threading.Lock()  # Keras has one configuration for the whole process, and so has stderr
_kept: list["LazyEngine"] = []  # at the end of Python


class Engine(Protocol):
    """What inference needs of an engine."""

    def predict(self, pixels: "np.ndarray") -> "np.ndarray":
        """Compute uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes], or features [N, F]."""


def load_engine(network: Network, weights: Weights, runtime: Runtime) -> Engine:
    """Build a network with its weights, ready to predict.

    With a `cache_dir`, OpenVINO's compiled models are kept there, and Keras builds a model only
    once. Keras fixes its backend when it is first imported, so one process can build models on one
    backend only; threads load one after the other. Raises UsageError when the backend, the device, the
    precision or the weights cannot be had.
    """
    weights.check(network)
    if weights.source == "none":
        logger.warning("%s has random weights (--weights none): its predictions mean nothing", network.name)
    for spec in network.backbones:
        if (
            isinstance(spec, OwnModel)
            and spec.note
            and network.head is None
            and network.part not in ("heat", "channels")
        ):
            logger.info("%s", spec.note)
    with _loading:
        backend = choose_backend(runtime.backend, runtime.device)
        use_keras_backend(backend)
        with hidden_native_noise():
            engine = importlib.import_module(BACKENDS[backend].engine)
        return engine.load(network, weights, runtime)


class LazyEngine(NativeWork):
    """An engine that is loaded once, when the first picture is there to predict; threads may share it."""

    def __init__(self, network: Network, weights: Weights, runtime: Runtime) -> None:
        self._what = network, weights, runtime
        self._engine: Engine | None = None
        super().__init__()

    def predict(self, pixels: "np.ndarray") -> "np.ndarray":
        """Compute uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes], or features [N, F]."""
        with self:
            if self._engine is None:
                self._engine = load_engine(*self._what)
            return self._engine.predict(pixels)

    def end(self) -> None:
        """Keep the engine: OpenVINO aborts the process when a thread that Python ends is just letting go of one."""
        super().end()
        _kept.append(self)

    def __del__(self) -> None:
        if self._engine is not None and self.try_to_begin():  # else Python ends, and has waited
            self._engine = None
            self.__exit__()

    def __reduce__(self) -> tuple:
        return LazyEngine, self._what  # another process loads its own


def use_keras_backend(backend: str) -> None:
    """Make Keras run on `backend` from its first import on; raises UsageError when it runs on another already."""
    require_backend(backend)
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() != backend:
        raise UsageError(
            f"Keras already runs on {keras.backend.backend()} in this process; {backend} needs a process of its own"
        )
    os.environ["KERAS_BACKEND"] = backend


def choose_backend(backend: str, device: str) -> str:
    """Resolve "auto": TensorFlow where it sees a GPU that may be used, and OpenVINO otherwise."""
    if backend == AUTO:
        wants_gpu = device == "auto" or device.startswith("gpu")
        backend = GPU_BACKEND if wants_gpu and _gpu_backend_sees_gpu() else CPU_BACKEND
    require_backend(backend)
    return backend


def _gpu_backend_sees_gpu() -> bool:
    if not (has_nvidia_gpu() and has_cuda_libraries() and is_installed(GPU_BACKEND)):
        return False
    from engines.keras_engine import framework

    return bool(framework(GPU_BACKEND).gpus())
