"""Keras on TensorFlow: which GPUs it sees, and how it is set up."""

import contextlib

import tensorflow

from engines.keras_engine import load

__all__ = ["COMPILE_OPTIONS", "FIT_TAKES_A_BATCH", "gpus", "load", "make_deterministic", "set_up"]

COMPILE_OPTIONS = {"jit_compile": False}  # XLA makes depthwise convolutions ten times slower on a CPU
FIT_TAKES_A_BATCH = False


def gpus() -> list[str]:
    """Return Keras's names of the GPUs that TensorFlow sees."""
    return [f"gpu:{number}" for number in range(len(tensorflow.config.list_physical_devices("GPU")))]


def set_up(device: str) -> None:
    """Turn off TensorFloat-32, which is not float32, and let TensorFlow take GPU memory as it needs it."""
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    with contextlib.suppress(RuntimeError):  # it has computed already, in another way that stays
        if device == "cpu":
            tensorflow.config.set_visible_devices([], "GPU")
            return
        for gpu in tensorflow.config.list_physical_devices("GPU"):
            tensorflow.config.experimental.set_memory_growth(gpu, True)


def make_deterministic() -> None:
    """Compute the same bits every time, also where that is slower; called before Keras is imported."""
    tensorflow.config.experimental.enable_op_determinism()
