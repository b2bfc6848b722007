"""Fine-tuning: train the last layers of the backbones, too, on pictures that change from epoch to epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from classifiers.manifest import Picture
from networks.trained import backbone_networks
from training.batches import Batches
from training.fit import Plan, Row, fit
from training.views import read_view
from transforms import Transform


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures from their files, each time a view of its own."""

    folder: Path
    transform: Transform
    batch_size: int
    workers: int

    def batches(
        self,
        pictures: Sequence[Picture],
        classes: Sequence[str],
        augmentations: Sequence[str] = (),
        seed: int | None = None,
    ) -> Batches:
        """Return the pictures and their class numbers for Keras; with a `seed`, shuffled and augmented at random."""

        def load(rows: np.ndarray, epoch: int) -> np.ndarray:
            return np.stack([self._read(pictures[row], augmentations, f"{seed} {epoch}") for row in rows])

        labels = np.array([classes.index(picture.label) for picture in pictures])
        return Batches(load, labels, self.batch_size, seed, self.workers)

    def _read(self, picture: Picture, augmentations: Sequence[str], name: str) -> np.ndarray:
        path = self.folder / picture.path
        return read_view(path, self.transform, augmentations, f"{picture.digest} {name}")


def unfreeze(classifier: keras.Model, count: int) -> int:
    """Make the last `count` layers of each backbone trainable, and no others; return how many weights these are.

    BatchNormalization stays frozen, which in Keras also means that it uses its statistics and
    does not change them: those of a small data set would be worse.
    """
    for network in backbone_networks(classifier):
        network.trainable = True
        for number, layer in enumerate(network.layers, start=1):
            is_last = number > len(network.layers) - count
            layer.trainable = is_last and not isinstance(layer, keras.layers.BatchNormalization)
    trainable = [variable for network in backbone_networks(classifier) for variable in network.trainable_variables]
    return sum(int(np.prod(variable.shape)) for variable in trainable)


def fine_tune(
    classifier: keras.Model,
    training: Batches,
    validation: Batches,
    plan: Plan,
    checkpoints: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[Row]:
    """Train what `unfreeze` has made trainable; return a row for each epoch, and before them one for the start."""
    return fit(classifier, training, validation, plan, checkpoints, callbacks, from_start=True)
