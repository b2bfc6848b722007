"""How far training is: a bar on a terminal, and in a log a line an epoch, or one a minute where epochs are quick."""

import logging
import sys
import time
from collections.abc import Sequence

import keras
from tqdm import tqdm

from console import bar_is_off
from training.best import Row, best_row

LINE_SECONDS = 60  # between lines about epochs that take less than EPOCH_SECONDS
EPOCH_SECONDS = 5
BAR = "{desc} {percentage:3.0f}%|{bar:5}| {remaining} left{postfix}"  # with all figures, within 80 columns
STILL_BETTER = 0.1  # of the validation loss, gained in the last quarter of the epochs

logger = logging.getLogger("suite")


class Progress(keras.callbacks.Callback):
    """Shows how far `fit` is, and the figures of the latest epoch."""

    def __init__(self, name: str, epochs: int, steps: int) -> None:
        super().__init__()
        self._name = name
        self._epochs = epochs
        self._steps = steps
        self._seconds: list[float] = []  # of this process's epochs

    def on_train_begin(self, logs: Row | None = None) -> None:
        """Called by Keras at the start."""
        self._bar = tqdm(total=self._epochs * self._steps, bar_format=BAR, ncols=79, leave=False, disable=bar_is_off())
        self._said = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Row | None = None) -> None:
        """Called by Keras before each epoch."""
        if epoch and not self._seconds:  # a run that is gone on with
            self._bar.initial = self._bar.n = epoch * self._steps
        self._started = time.monotonic()
        self._bar.set_description_str(f"{self._name} {epoch + 1}/{self._epochs}", refresh=False)

    def on_train_batch_end(self, batch: int, logs: Row | None = None) -> None:
        """Called by Keras after each step."""
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: Row | None = None) -> None:
        """Called by Keras after the epoch has been validated."""
        logs = logs or {}
        now = time.monotonic()
        self._seconds.append(now - self._started)
        self._bar.set_postfix_str(
            f"loss {logs['loss']:.3f} acc {logs['accuracy']:.3f} val {logs['val_loss']:.3f}/{logs['val_accuracy']:.3f}"
        )
        is_quick = self._seconds[-1] < EPOCH_SECONDS and now - self._said < LINE_SECONDS
        if sys.stderr.isatty() or (is_quick and epoch + 1 < self._epochs):
            return
        self._said = now
        logger.info(
            "%s: epoch %d of %d, loss %.4f, accuracy %.2f %%, validation loss %.4f, accuracy %.2f %%; %.1f s, %s left",
            self._name, epoch + 1, self._epochs, logs["loss"], 100 * logs["accuracy"], logs["val_loss"],
            100 * logs["val_accuracy"], self._seconds[-1], self._left(epoch),
        )  # fmt: skip

    def on_train_end(self, logs: Row | None = None) -> None:
        """Called by Keras at the end."""
        self._bar.close()

    def _left(self, epoch: int) -> str:
        recent = self._seconds[-3:]
        return tqdm.format_interval((self._epochs - epoch - 1) * sum(recent) / len(recent))


def hint_at_more_epochs(rows: Sequence[Row], epochs: int, option: str) -> None:
    """Say so when the epochs ran out while the validation loss still fell fast."""
    quarter = max(1, epochs // 4)
    best = best_row(rows)
    if best["epoch"] != epochs or len(rows) <= quarter:
        return
    if best["val_loss"] < (1 - STILL_BETTER) * rows[-1 - quarter]["val_loss"]:
        logger.info("note: the %d epochs ran out while it still got better; %s N allows more", epochs, option)
