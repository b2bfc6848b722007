"""Train a head on features that frozen backbones have computed: seconds, whatever the backbones are."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from networks import Head
from networks.trained import build_head
from training.batches import Batches, from_array
from training.best import Row
from training.fit import Plan, fit

LEAST_VARIANCE = 1e-3  # of the mean variance: a feature that hardly varies is not blown up
Examples = tuple[np.ndarray, np.ndarray]  # float32 features [N, F], class numbers [N]


def train_head(
    head: Head,
    classes: int,
    training: Examples,
    validation: Examples,
    batch_size: int,
    plan: Plan,
    checkpoints: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, list[Row]]:
    """Return the trained head, float32 features [N, F] -> probabilities, and a row for each epoch.

    Backbones differ in scale, so it is trained on features that are scaled to mean 0 and variance 1.
    Afterwards the first dense layer is changed to take features as they are.
    """
    keras.utils.set_random_seed(plan.seed)
    model = build_head(training[0].shape[1], classes, head)
    mean = training[0].mean(axis=0, dtype=np.float64)
    variance = training[0].var(axis=0, dtype=np.float64)
    scale = np.sqrt(variance + LEAST_VARIANCE * variance.mean() + 1e-12)

    def batches(examples: Examples, seed: int | None) -> Batches:
        features, labels = examples
        scaled = (features - mean.astype(np.float32)) / scale.astype(np.float32)
        return Batches(from_array(scaled), labels, batch_size, seed)

    rows = fit(model, batches(training, plan.seed), batches(validation, None), plan, checkpoints, callbacks)
    _take_in_scale(model, mean, scale)
    return model, rows


def _take_in_scale(model: keras.Model, mean: np.ndarray, scale: np.ndarray) -> None:
    """Change the first dense layer so that it takes features as they are: kernel . (x - mean) / scale + bias."""
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    kernel, bias = dense.get_weights()
    kernel = kernel / scale[:, None]
    dense.set_weights([kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32)])
