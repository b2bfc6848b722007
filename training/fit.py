"""Keras's `fit` with early stopping, a learning rate that falls, and checkpoints.

A run that is killed and resumed ends with the same weights as one that is not: what an epoch does depends on the
weights, the optimiser's state, the seed and the epoch's number alone, and a checkpoint holds them whole.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from engines.keras_engine import framework
from files import written_whole
from training.batches import Batches
from training.best import Row, best_row
from training.optimizer import TwoRates
from training.progress import Progress

CHECKPOINT_SECONDS = 5  # at least, between checkpoints: not every quick epoch is worth one
LATEST_FILE, BEST_FILE, HISTORY_FILE = "latest.weights.h5", "best.npz", "history.json"
END = "end"  # the name of the last checkpoint


@dataclass(frozen=True)
class Plan:
    """How to fit."""

    name: str  # "head" or "fine-tune"
    epochs: int
    learning_rate: float
    patience: int  # epochs without a better validation loss before it stops
    seed: int
    class_weight: dict[int, float] | None = None
    head_factor: float = 1.0  # by which the learning rate of a layer "head" is higher


def fit(
    model: keras.Model,
    training: Batches,
    validation: Batches,
    plan: Plan,
    checkpoints: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    from_start: bool = False,
) -> list[Row]:
    """Train `model` in place, to its best epoch by validation loss; return a row for each epoch.

    With `from_start`, the first row, of epoch 0, is what the model reaches before it is trained; its
    weights stay unless an epoch is better. If there is a checkpoint in the folder `checkpoints`, training
    continues from it.
    """
    _compile(model, plan, len(training))
    stopping = _Stopping(plan.patience)
    checkpoint = Checkpoint(checkpoints, stopping)
    checkpoint.set_model(model)
    if checkpoint.restore():
        return checkpoint.history
    if framework(keras.backend.backend()).FIT_TAKES_A_BATCH:
        model.test_on_batch(*training[0])  # builds the metrics, so that fit gives no batch out twice
    if from_start and not checkpoint.history:
        figures = model.evaluate(validation, return_dict=True, verbose=0)
        checkpoint.history.append({"epoch": 0} | {f"val_{name}": value for name, value in figures.items()})
    progress = Progress(plan.name, plan.epochs, len(training))
    model.fit(
        training,
        validation_data=validation,
        epochs=plan.epochs,
        initial_epoch=checkpoint.history[-1]["epoch"] if checkpoint.history else 0,
        class_weight=plan.class_weight,
        shuffle=False,  # the batches do it
        callbacks=[Epochs(training, plan.seed), stopping, checkpoint, progress, *callbacks],
        verbose=0,
    )
    return checkpoint.history


def _compile(model: keras.Model, plan: Plan, steps: int) -> None:
    """Compile for training on class numbers.

    The learning rate rises for an epoch, because Adam's first steps are rash, and then falls to 0.
    """
    rate = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate / steps,
        decay_steps=max(1, (plan.epochs - 1) * steps),
        warmup_target=plan.learning_rate,
        warmup_steps=steps,
    )
    model.compile(
        optimizer=TwoRates(rate, model, plan.head_factor),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **framework(keras.backend.backend()).COMPILE_OPTIONS,
    )


class Epochs(keras.callbacks.Callback):
    """Tells the batches which epoch it is, and seeds Dropout by it."""

    def __init__(self, batches: Batches, seed: int) -> None:
        super().__init__()
        self._batches = batches
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Row | None = None) -> None:
        """Called by Keras before it asks for the epoch's first batch."""
        self._batches.epoch = epoch
        states = [variable for variable in self.model.variables if variable.name == "seed_generator_state"]
        for number, state in enumerate(states):
            seeds = np.random.default_rng([self._seed, epoch, number]).integers(2**31, size=2)
            state.assign(seeds.astype(state.dtype))


class _Stopping(keras.callbacks.Callback):
    """Keeps a row for each epoch and the best one's weights, and stops when there has been no better for long."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.history: list[Row] = []
        self.best_weights: list[np.ndarray] = []
        self._patience = patience

    def on_train_begin(self, logs: Row | None = None) -> None:
        self.best_weights = self.best_weights or self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: Row | None = None) -> None:
        row: Row = {"epoch": epoch + 1}
        self.history.append(row | {name: float(value) for name, value in (logs or {}).items()})
        best = best_row(self.history)
        if best is self.history[-1]:
            self.best_weights = self.model.get_weights()
        elif epoch + 1 - best["epoch"] >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Row | None = None) -> None:
        self.model.set_weights(self.best_weights)


class Checkpoint(keras.callbacks.Callback):
    """Keeps what a run needs to continue: a folder for the latest epoch, which appears whole or not at all.

    (Keras's BackupAndRestore keeps neither the best weights nor how long it has been without
    better ones, and a kill between its two files resumes in the wrong epoch.)
    """

    def __init__(self, folder: Path, stopping: _Stopping) -> None:
        super().__init__()
        self.history = stopping.history
        self._folder = folder
        self._stopping = stopping
        self._saved = time.monotonic()

    def restore(self) -> bool:
        """Restore the latest checkpoint, if there is one; return whether training had ended there."""
        folders = sorted(self._folder.glob("e*"))  # the end comes before the epochs
        if not folders:
            return False
        folder = folders[0] if folders[0].name == END else folders[-1]
        self.history[:] = json.loads((folder / HISTORY_FILE).read_text())
        with np.load(folder / BEST_FILE) as file:
            best = [file[name] for name in file.files]
        if folder.name == END:
            self.model.set_weights(best)
            return True
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(folder / LATEST_FILE)
        self._stopping.best_weights = best
        return False

    def on_epoch_end(self, epoch: int, logs: Row | None = None) -> None:
        """Called by Keras after the early stopping has judged the epoch."""
        if not self.model.stop_training and time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self._save(f"epoch-{epoch + 1:06}", self._stopping.best_weights)
            self._saved = time.monotonic()

    def on_train_end(self, logs: Row | None = None) -> None:
        """Called by Keras after the early stopping has put the best weights back."""
        self._save(END, self.model.get_weights())

    def _save(self, name: str, best: list[np.ndarray]) -> None:
        older = list(self._folder.glob("epoch-*"))
        with written_whole(self._folder / name) as unfinished:
            unfinished.mkdir(parents=True)
            if name != END:
                self.model.save_weights(unfinished / LATEST_FILE)
            np.savez(unfinished / BEST_FILE, *best)
            (unfinished / HISTORY_FILE).write_text(json.dumps(self.history))
        for folder in older:
            shutil.rmtree(folder)
