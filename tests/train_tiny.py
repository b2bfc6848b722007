"""Trains tiny networks as train_classifier.py does, in a process of their own: `python train_tiny.py FOLDER`.

Prints a JSON object of what tests/training/test_training.py asks about.

An interrupted run is one whose callback raises.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np

import training.fit
from networks import Head
from networks.trained import build_head, join_head
from training.batches import Batches, from_array
from training.best import best_row
from training.finetune import fine_tune, unfreeze
from training.fit import Plan

training.fit.CHECKPOINT_SECONDS = 0
RNG = np.random.default_rng(0)


class Stop(keras.callbacks.Callback):
    """Ends a run in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self._epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._now == self._epoch and batch == 1:
            raise KeyboardInterrupt


def network() -> keras.Model:
    """A classifier with the parts that fine-tuning cares about: BatchNormalization, and a head."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(pixels)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(4, 3, name="last")(x)
    inner = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x), name="tiny")
    square = keras.Input((8, 8, 3), dtype="uint8", name="pixels")
    features = keras.Model(square, inner(keras.ops.cast(square, "float32") / 255), name="features")
    return join_head(features, build_head(4, 2, Head("linear", dropout=0.2)))


PICTURES = RNG.integers(0, 256, (48, 8, 8, 3), np.uint8)
PICTURES[::2, :, :4] //= 4


def tuned(folder: Path, *callbacks, learning_rate: float = 0.03, patience: int = 4) -> tuple[list, list]:
    model = network()
    unfreeze(model, [3])
    labels = np.arange(48) % 2
    rows = fine_tune(
        model,
        Batches(from_array(PICTURES[:36]), labels[:36], 6, seed=0, workers=2),
        Batches(from_array(PICTURES[36:]), labels[36:], 6, workers=2),
        Plan("fine-tune", epochs=4, learning_rate=learning_rate, patience=patience, seed=0),
        folder,
        callbacks,
    )
    return [weight.tolist() for weight in model.get_weights()], rows


def main(folder: Path) -> dict:
    before = [weight.tolist() for weight in network().get_weights()]
    after, rows = tuned(folder / "tuned")
    worse, worse_rows = tuned(folder / "worse", learning_rate=1e20, patience=1)
    with contextlib.suppress(KeyboardInterrupt):
        tuned(folder / "interrupted", Stop(2))
    changed = [old != new for old, new in zip(before, after, strict=True)]
    return {
        "changed": {weight.path: change for weight, change in zip(network().weights, changed, strict=True)},
        "unfrozen": unfreeze(network(), [3]),
        "rows": rows,
        "resumed": tuned(folder / "interrupted") == (after, rows),
        "ended": tuned(folder / "tuned") == (after, rows),
        "worse_kept": best_row(worse_rows),
        "worse_is_start": worse == before,
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
