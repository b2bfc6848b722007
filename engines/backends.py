"""The table of backends: what computes. Plain data; imports no framework."""

import importlib.util
import os
from dataclasses import dataclass

from errors import UsageError


@dataclass(frozen=True)
class Backend:
    """One row: a framework that can run a network."""

    name: str  # what the user types after --backend
    package: str  # that has to be installed
    trains: bool  # whether Keras can train on it
    engine: str  # the module in engines/ with its `load(network, weights, runtime)`
    gpus: str  # whose GPUs it computes on
    gpu_hint: str = ""  # what to do when it does not use the GPU that is there


REINSTALL_TORCH = "pip install --force-reinstall torch"  # pip takes a CPU-only build for the newer one
# fmt: off
BACKENDS = {
    row.name: row
    for row in (
        #       name          package       trains engine                          GPUs      how it gets to use them
        Backend("openvino",   "openvino",   False, "engines.openvino_engine",     "Intel"),
        Backend("tensorflow", "tensorflow", True,  "engines.keras_on_tensorflow", "NVIDIA", "pip install 'tensorflow[and-cuda]'"),
        Backend("jax",        "jax",        True,  "engines.keras_on_jax",        "NVIDIA", "pip install 'jax[cuda12]'"),
        Backend("torch",      "torch",      True,  "engines.keras_on_torch",      "NVIDIA", REINSTALL_TORCH),
    )
}
# fmt: on
ON_WINDOWS = {
    "tensorflow": "use WSL2: TensorFlow has no GPU support on Windows itself",
    "jax": "use WSL2: JAX has no GPU support on Windows itself",
    "torch": "https://pytorch.org/get-started/locally has the command",
}
CPU_BACKEND = "openvino"  # the fastest one on a CPU
GPU_BACKEND = "tensorflow"  # what `auto` takes where it sees a GPU
TRAINING_BACKEND = "tensorflow"  # in the place of one that does not train


def is_installed(backend: str) -> bool:
    """Return whether the package that a backend needs is there, without importing it."""
    return importlib.util.find_spec(BACKENDS[backend].package) is not None


def require_backend(backend: str) -> None:
    """Raise UsageError when the package that a backend needs is not installed."""
    if not is_installed(backend):
        raise UsageError(f"backend '{backend}' is not installed; pip install {BACKENDS[backend].package}")


def gpu_hint(backend: str) -> str:
    """Return what to do when a backend does not use the GPU that is there."""
    return (os.name == "nt" and ON_WINDOWS.get(backend)) or BACKENDS[backend].gpu_hint
