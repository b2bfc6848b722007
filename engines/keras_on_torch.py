"""Keras on PyTorch: which GPUs it sees, and how it is set up."""

import os

import torch

from engines.keras_engine import load

__all__ = ["COMPILE_OPTIONS", "FIT_TAKES_A_BATCH", "gpus", "load", "make_deterministic", "set_up"]

COMPILE_OPTIONS: dict = {}
FIT_TAKES_A_BATCH = True


def gpus() -> list[str]:
    """Return Keras's names of the GPUs that PyTorch sees."""
    return [f"gpu:{number}" for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)]


def set_up(_device: str) -> None:
    """Turn off TensorFloat-32, which is not float32, for convolutions; for matrix products it is off."""
    torch.backends.cudnn.allow_tf32 = False


def make_deterministic() -> None:
    """Compute the same bits every time, also where that is slower; called before Keras is imported."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as PyTorch's notes on reproducibility say
    torch.use_deterministic_algorithms(True)
