"""Fine-tuning: train the last layers of the backbones, too, on pictures that change from epoch to epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from classifiers.manifest import Picture
from networks.trained import backbone_networks
from training.batches import Batches
from training.best import Row, best_row, keep_start
from training.fit import Plan, fit
from training.views import read_view
from transforms import Transform

LEAST_SCORE = 1e-30  # above 0, whose logarithm there is not
SHARPNESS = (0.05, 20)


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


def unfreeze(classifier: keras.Model, counts: Sequence[int]) -> int:
    """Make the last layers of each backbone trainable, so many of each, and no others; return how many weights.

    BatchNormalization stays frozen, which in Keras also means that it uses its statistics and
    does not change them: those of a small data set would be worse.
    """
    for network, count in zip(backbone_networks(classifier), counts, strict=True):
        network.trainable = True
        for number, layer in enumerate(network.layers, start=1):
            is_last = number > len(network.layers) - count
            layer.trainable = is_last and not isinstance(layer, keras.layers.BatchNormalization)
    trainable = [variable for network in backbone_networks(classifier) for variable in network.trainable_variables]
    return sum(int(np.prod(variable.shape)) for variable in trainable)


def fine_tune(
    model: keras.Model,
    training: Batches,
    validation: Batches,
    plan: Plan,
    checkpoints: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[Row]:
    """Train what `unfreeze` has made trainable; return a row for each epoch, and before them one for the start.

    The weights of the start stay, unless the best epoch is better than them by more than chance: with few validation
    pictures, or few that are in doubt, some epoch always seems better.
    """
    start = model.get_weights()
    _sharpness, losses = judge(_scores(model, validation), validation.labels)
    rows = fit(model, training, validation, plan, checkpoints, callbacks, from_start=True)
    sharpness, tuned_losses = judge(_scores(model, validation), validation.labels)
    gains = losses - tuned_losses
    if best_row(rows)["epoch"] and gains.mean() > gains.std() / np.sqrt(len(gains)):  # its standard error
        _sharpen(model, sharpness)
    else:
        model.set_weights(start)
        keep_start(rows)
    return rows


def _scores(model: keras.Model, batches: Batches) -> np.ndarray:
    return model.predict(batches, verbose=0)


def judge(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return by what to multiply logits, so that scores are as sure as they are right, and each picture's loss then.

    (Guo 2017 calls it temperature.) Whoever has learnt all training pictures by heart is sure of everything; no answer
    changes. A share of one picture is taken from the targets (Platt 1999): where few pictures are all right, the surer
    model is not the better one.
    """
    classes = scores.shape[1]
    targets = np.full(scores.shape, 1 / (len(labels) + 1) / classes)
    targets[np.arange(len(labels)), labels] += 1 - 1 / (len(labels) + 1)
    log_scores = np.log(np.maximum(scores.astype(np.float64), LEAST_SCORE))

    def losses(sharpness: float) -> np.ndarray:
        return -(targets * log_softmax(sharpness * log_scores, axis=1)).sum(axis=1)

    found = minimize_scalar(lambda log: losses(np.exp(log)).mean(), bounds=np.log(SHARPNESS), method="bounded")
    return float(np.exp(found.x)), losses(np.exp(found.x))


def _sharpen(model: keras.Model, sharpness: float) -> None:
    last = model.get_layer("head").get_layer("probabilities")
    last.set_weights([sharpness * weights for weights in last.get_weights()])
