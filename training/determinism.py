"""Make a backend compute the same bits every time, where it would trade them for speed."""

import os


def prepare_determinism(backend: str) -> None:
    """Set a backend up, before Keras is imported; on a GPU, it then computes slower."""
    if backend == "tensorflow":
        from engines.noise import hidden_native_noise

        with hidden_native_noise():
            import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif backend == "jax":
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    else:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as PyTorch's notes on reproducibility say
        import torch

        torch.use_deterministic_algorithms(True)
