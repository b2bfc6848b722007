"""Batches for Keras, shuffled by the seed and the epoch alone, so that a resumed run sees the same ones."""

from collections.abc import Callable

import keras
import numpy as np

Load = Callable[[np.ndarray, int], np.ndarray]


class Batches(keras.utils.PyDataset):
    """`load(rows, epoch)` gives the inputs of these rows; Keras calls it on `workers` threads, ahead."""

    def __init__(
        self, load: Load, labels: np.ndarray, batch_size: int, seed: int | None = None, workers: int = 1
    ) -> None:
        """Without a `seed`, the rows come in order."""
        super().__init__(workers=workers)
        self._load = load
        self.labels = labels
        self._batch_size = batch_size
        self._seed = seed
        self.epoch = 0  # told by the Epochs callback, before Keras asks for the first batch of one

    def __len__(self) -> int:
        return -(-len(self.labels) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(len(self.labels))
        if self._seed is not None:
            np.random.default_rng([self._seed, self.epoch]).shuffle(rows)
        rows = rows[index * self._batch_size : (index + 1) * self._batch_size]
        return self._load(rows, self.epoch), self.labels[rows]


def from_array(array: np.ndarray) -> Load:
    """Return a `load` for rows that are in memory."""
    return lambda rows, _epoch: array[rows]
