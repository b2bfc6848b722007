"""Keras on JAX: which GPUs it sees, and how it is set up."""

import os

import jax

from engines.keras_engine import load

__all__ = ["COMPILE_OPTIONS", "FIT_TAKES_A_BATCH", "gpus", "load", "make_deterministic", "set_up"]

COMPILE_OPTIONS: dict = {}
FIT_TAKES_A_BATCH = True


def gpus() -> list[str]:
    """Return Keras's names of the GPUs that JAX sees."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX reads it when it first looks for devices
    return [f"gpu:{number}" for number in range(sum(device.platform == "gpu" for device in jax.devices()))]


def set_up(_device: str) -> None:
    """Turn off TensorFloat-32, which is not float32."""
    jax.config.update("jax_default_matmul_precision", "float32")


def make_deterministic() -> None:
    """Compute the same bits every time, also where that is slower; called before Keras is imported."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
