"""Inference engines: uint8 RGB [N, S, S, 3] in, float32 class probabilities [N, classes] out.

Of backbones without their last layers, features [N, F] come out instead.
An engine knows no files, labels or top-k. To add one: a file here with its class, its package in
BACKEND_PACKAGES, and its branch in `load_engine`.
"""

import importlib.util
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from engines.noise import hidden_native_noise
from engines.nvidia import has_cuda_libraries, has_nvidia_gpu
from engines.weights_file import check_weights_file
from errors import UsageError
from models import ModelSpec
from trained import Backbones, Spec, TrainedSpec

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

logger = logging.getLogger("suite")

#           backend      the package it needs
BACKEND_PACKAGES = {
    "openvino":   "openvino",
    "tensorflow": "tensorflow",
    "jax":        "jax",
    "torch":      "torch",
}  # fmt: skip
BACKENDS = ("auto", *BACKEND_PACKAGES)
PRECISIONS = ("float32", "bfloat16", "float16")
BUILT_IN_WEIGHTS = ("imagenet", "none")
IMAGENET_CLASSES = 1000
APP_NAME = "image-classifier-scripts"  # of the folder for compiled models


class Engine(Protocol):
    """What the pipeline needs of an engine."""

    def predict(self, pixels: "np.ndarray") -> "np.ndarray":
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""


def load_engine(
    spec: Spec,
    weights: str = "imagenet",
    classes: int = IMAGENET_CLASSES,
    backend: str = "auto",
    device: str = "auto",
    precision: str = "float32",
    cache_dir: "Path | None" = None,
) -> Engine:
    """Build `spec`'s network with its weights, ready to predict.

    A TrainedSpec brings its weights and classes; Backbones give features and have no classes.
    `weights` is "imagenet", "none" (random) or the path of a weights file; `device` is "auto",
    "cpu", "gpu" or "gpu:N"; `precision` is one of PRECISIONS. With a `cache_dir`,
    OpenVINO's compiled models are kept there, and Keras builds a model only once. Keras fixes its backend when it
    is first imported, so one process can build models on one backend only.
    Raises UsageError when the backend, the device, the precision or the weights cannot be had.
    """
    if isinstance(spec, TrainedSpec):
        weights = str(spec.weights_file)
    else:
        _check_weights(spec, weights, classes)
    if weights == "none":
        logger.warning("%s has random weights (--weights none): its predictions mean nothing", spec.name)
    backend = choose_backend(backend, device)
    use_keras_backend(backend)
    if backend == "openvino":
        from engines.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(spec, weights, classes, device, precision, cache_dir)
    from engines.keras_engine import KerasEngine

    return KerasEngine(spec, weights, classes, device, precision)


class LazyEngine:
    """An engine that is loaded when the first picture is there to predict."""

    def __init__(self, load: Callable[[], Engine]) -> None:
        self._load = load
        self._engine: Engine | None = None

    def predict(self, pixels: "np.ndarray") -> "np.ndarray":
        """Classify uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes]."""
        if self._engine is None:
            self._engine = self._load()
        return self._engine.predict(pixels)


def user_cache_folder() -> "Path | None":
    """Return the platform's place for what can be computed again, or None where the user has none."""
    from platformdirs import user_cache_path

    try:
        return user_cache_path(APP_NAME, appauthor=False)
    except RuntimeError:  # nobody's process: no home to keep anything in
        return None


def use_keras_backend(backend: str) -> None:
    """Make Keras run on `backend` from its first import on; raises UsageError when it runs on another already."""
    require_backend(backend)
    os.environ["KERAS_BACKEND"] = backend
    if "keras" in sys.modules and sys.modules["keras"].backend.backend() != backend:
        raise UsageError(f"Keras runs on {sys.modules['keras'].backend.backend()} here; {backend} needs a new process")


def _check_weights(spec: ModelSpec | Backbones, weights: str, classes: int) -> None:
    if isinstance(spec, ModelSpec):
        check_classes(weights, classes)
    if weights in BUILT_IN_WEIGHTS:
        return
    check_weights_file(weights)
    if isinstance(spec, Backbones) and len(spec.models) > 1:
        raise UsageError(f"--weights {weights} is one file, but there are {len(spec.models)} backbones; train with one")


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
    if not is_installed(backend):
        raise UsageError(f"backend '{backend}' is not installed; pip install {BACKEND_PACKAGES[backend]}")


def is_installed(backend: str) -> bool:
    """Return whether the package that `backend` needs is there, without importing it."""
    return importlib.util.find_spec(BACKEND_PACKAGES[backend]) is not None


def _tensorflow_sees_gpu() -> bool:
    if not (has_nvidia_gpu() and has_cuda_libraries() and is_installed("tensorflow")):
        return False
    with hidden_native_noise():
        import tensorflow

        return bool(tensorflow.config.list_physical_devices("GPU"))
