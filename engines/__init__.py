"""Inference engines: uint8 RGB [N, S, S, 3] in, float32 class probabilities [N, classes] out.

An engine knows no files, labels or top-k. To add one: a file here with a class of the same
constructor, and a line in ENGINES.
"""

import ctypes
import importlib
import importlib.util
import os
from typing import TYPE_CHECKING, Protocol

from engines.weights_file import check_weights_file
from errors import UsageError
from models import ModelSpec

if TYPE_CHECKING:
    import numpy as np

#           backend       where its engine is, and the package it needs
ENGINES = {
    "openvino":   ("engines.openvino_engine:OpenVINOEngine", "openvino"),
    "tensorflow": ("engines.keras_engine:KerasEngine",       "tensorflow"),
    "jax":        ("engines.keras_engine:KerasEngine",       "jax"),
    "torch":      ("engines.keras_engine:KerasEngine",       "torch"),
}  # fmt: skip
BACKENDS = ("auto", *ENGINES)
BUILT_IN_WEIGHTS = ("imagenet", "none")
IMAGENET_CLASSES = 1000


class Engine(Protocol):
    """What the pipeline needs of an engine."""

    def predict(self, pixels: "np.ndarray") -> "np.ndarray":
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""


def load_engine(
    spec: ModelSpec,
    weights: str = "imagenet",
    classes: int = 1000,
    backend: str = "auto",
    device: str = "auto",
) -> Engine:
    """Build `spec`'s network with its weights, ready to predict.

    `weights` is "imagenet", "none" (random) or the path of a weights file; `device` is "auto",
    "cpu", "gpu" or "gpu:N". Keras fixes its backend when it is first imported, so one process
    can load engines of one backend only.
    Raises UsageError when the backend, the device or the weights cannot be had.
    """
    backend = choose_backend(backend, device)
    check_classes(weights, classes)
    if weights not in BUILT_IN_WEIGHTS:
        check_weights_file(weights)
    location, _package = ENGINES[backend]
    module, class_name = location.split(":")
    os.environ["KERAS_BACKEND"] = backend
    return getattr(importlib.import_module(module), class_name)(spec, weights, classes, device)


class LazyEngine:
    """An engine that `load_engine` loads when the first picture is there to predict."""

    def __init__(self, *options) -> None:
        self._options = options
        self._engine: Engine | None = None

    def predict(self, pixels: "np.ndarray") -> "np.ndarray":
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        if self._engine is None:
            self._engine = load_engine(*self._options)
        return self._engine.predict(pixels)


def check_classes(weights: str, classes: int) -> None:
    """Raise UsageError when the labels cannot be those of the weights."""
    if weights == "imagenet" and classes != IMAGENET_CLASSES:
        raise UsageError(
            f"the ImageNet weights have {IMAGENET_CLASSES} classes, but the labels name {classes}; "
            "give your own weights with --weights FILE, or leave out --labels"
        )


def choose_backend(backend: str, device: str) -> str:
    """Resolve "auto": TensorFlow where it sees a GPU that may be used, and OpenVINO otherwise."""
    if backend == "auto":
        wants_gpu = device == "auto" or device.startswith("gpu")
        backend = "tensorflow" if wants_gpu and _tensorflow_sees_gpu() else "openvino"
    require_backend(backend)
    return backend


def require_backend(backend: str) -> None:
    """Raise UsageError when the package that `backend` needs is not installed."""
    _location, package = ENGINES[backend]
    if importlib.util.find_spec(package) is None:
        raise UsageError(f"backend '{backend}' is not installed; pip install {package}")


def has_nvidia_gpu() -> bool:
    """Ask NVIDIA's driver for a GPU, in milliseconds and without any framework."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def _tensorflow_sees_gpu() -> bool:
    if not has_nvidia_gpu() or importlib.util.find_spec("tensorflow") is None:
        return False
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))
